#pragma once
// The log of syncs: a row a run, and a row for each thing done in Flex or refused by it.

#include "core/sync.hpp"
#include "pg/crew/crew_store.hpp"
#include "pg/server/own_tables.hpp"
#include "pg/server/result_tuple.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace pg {

/// A run as the log and the caller see it: the row of `flex_sync_result`, and what the log holds beside it.
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

/// Draws the id of a run that begins.
std::int64_t next_run_id(Statements &statements, const OwnTables &own);

/// Writes the run with all its operations. `result` is its row of `flex_sync_result`, every column.
void write_log(Statements &statements, const OwnTables &own, const Run &run, const RowValues &result);

/// One line in the server's log, without a secret, for a sync that had to repeat requests or took longer than
/// flex_sync.log_min_duration.
void log_to_server(const Run &run, int repeats);

/// The diagnostics as a JSON array.
std::string diagnostics_json(const core::SyncResult &result);

/// This moment, in the microseconds of a timestamptz.
std::int64_t current_timestamp();

} // namespace pg
