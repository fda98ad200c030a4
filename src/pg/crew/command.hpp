#pragma once
// What one command of SQL has synced already: named several times by a statement, as SELECT (flex_sync_crew(id)).*
// does, a crew is synced once.

#include "pg/crew/sync_row.hpp"

#include <optional>
#include <string>

namespace pg {

/// The result that this very command has had for the same key, if it has had one. A command is known by the command id
/// of its snapshot and the subtransaction in which it runs.
std::optional<SyncRow> result_in_command(const std::string &key);

/// Keeps a result for the rest of the command, and moves the transaction's command counter on, so that every later
/// command has another id and asks anew, whether the result has written anything or not. For results that stand for a
/// run, our own or one that we share. `busy` stands for none, and is never kept.
void keep_for_command(const std::string &key, const SyncRow &row);

} // namespace pg
