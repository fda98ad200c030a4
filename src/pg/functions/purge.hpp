#pragma once
// Keeping the log bounded.

#include "pg/server/own_tables.hpp"

#include <cstdint>
#include <string>

namespace pg {

/// Deletes log rows of runs that began longer ago than the interval `older_than`, and gives their number. The last day
/// always stays: limits and coalescing read it.
std::int64_t purge_log(Statements &statements, const OwnTables &own, const std::string &older_than);

} // namespace pg
