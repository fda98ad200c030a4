#pragma once
// The log of syncs: a row a run, and a row for each thing done in Flex or refused by it.

#include "pg/crew/crew_store.hpp"
#include "pg/crew/sync_row.hpp"
#include "pg/server/own_tables.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace pg {

/// A run as the log sees it: what came of it, and in which circumstances.
struct Run {
    std::optional<std::int64_t> run_id = {};
    std::string status = {};
    core::SyncResult result = {};
    double duration_ms = 0;
    CrewCall call = {};
    std::string server = {};
    std::string url = {}; ///< the account, by which request limits count
    core::Prune prune = core::Prune::All;
    int max_removals = 0;
    std::int64_t started_at = 0; ///< microseconds, as a timestamptz has them: its text depends on the session
};

/// The outcome's name in SQL: what was not done is `refused`.
std::string_view outcome_name(core::Outcome outcome);

/// Draws the id of a run that begins.
std::int64_t next_run_id(Statements &statements, const OwnTables &own);

/// The run as the caller sees it.
SyncRow row_of(const Run &run);

/// Writes the run, whose row that is, with all its operations.
void write_log(Statements &statements, const OwnTables &own, const Run &run, const SyncRow &row);

/// One line in the server's log, without a secret, for a sync that had to repeat requests or took longer than
/// flex_sync.log_min_duration.
void log_to_server(const Run &run, int repeats);

/// Who calls: the session user; under PostgREST the `sub` of the JSON Web Token.
std::string triggered_by();

/// This moment, in the microseconds of a timestamptz.
std::int64_t current_timestamp();

} // namespace pg
