#pragma once
// A row of flex_sync_result on its way from a sync, or from the log, to the caller.

#include "core/sync_result.hpp"
#include "pg/server/result_tuple.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace pg {

/// The columns of flex_sync_result, typed until the tuple is made.
struct SyncRow {
    /// What the caller's surroundings want to know beside it.
    struct Aside {
        bool timed_out = false;                             ///< `failed`: Flex did not answer in time
        bool never_fits = false;                            ///< `deferred`: it needs more than a limit allows at all
        std::optional<core::Milliseconds> retry_after = {}; ///< `deferred`: how long to wait, as far as it is known
        std::string first_diagnostic = {};                  ///< its message
    };

    std::optional<std::int64_t> run_id = {};
    std::string call_id = {}; ///< empty: of no crew call
    std::string status = {};
    core::Counts counts = {};
    int passes = 0;
    int http_requests = 0;
    double duration_ms = 0;
    std::string message = {};
    std::string diagnostics = "[]"; ///< a JSON array
    Aside aside = {};
};

/// The row by the columns of flex_sync_result, in the order of 1.0; `retained` comes last.
RowValues values_of(const SyncRow &row);

/// The diagnostics as a JSON array.
std::string diagnostics_json(const core::SyncResult &result);

} // namespace pg
