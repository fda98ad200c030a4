#pragma once
// What one command of SQL has synced already: named several times by a statement, as SELECT (flex_sync_crew(id)).*
// does, a crew is synced once.

#include "pg/result_tuple.hpp"

#include <optional>
#include <string>

namespace pg {

/// The result that this very command of the transaction had for the same key, if it had one. Commands are told apart by
/// the calling snapshot: its command id, and what had committed by then.
std::optional<RowValues> result_in_command(const std::string &key);

/// Keeps a result for the rest of the command.
void keep_for_command(const std::string &key, const RowValues &values);

} // namespace pg
