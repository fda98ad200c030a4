#pragma once
// One sync in a session of Postgres, from drawing its id to its row in the log.

#include "core/sync_run.hpp"
#include "pg/crew/crew_session.hpp"
#include "pg/crew/request_budget.hpp"
#include "pg/crew/run_log.hpp"
#include "pg/server/lock.hpp"
#include "pg/server/result_tuple.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace pg {

/// What is in effect for one sync, from the arguments or else the server's options.
struct SyncPolicy {
    core::Prune prune = core::Prune::All;
    int max_removals = 0;
};

/// A row of flex_sync_result, with what the caller's surroundings want to know beside it.
struct SyncRow {
    RowValues values;
    std::string status;
    bool timed_out = false;
    std::optional<core::Milliseconds> retry_after = {};
    bool never_fits = false;           ///< `deferred`: it needs more requests than a limit allows at all
    std::string first_diagnostic = {}; ///< its message; of a `partial` sync, what did not succeed
};

/// What a sync shares with others that the same call makes.
struct SyncTools {
    flex::Client &flex;
    LatchClock &clock;
    ServerBudget &budget;
    core::TimePoint deadline;
};

/// The sync of a crew whose lock is held. While it lives, a trigger that syncs the same crew gets `busy`. `read`, then
/// a listing by whoever makes it, with `read_known` meanwhile, then `run`; `log` in every case.
class CrewRun {
public:
    CrewRun(CrewSession &session, const SyncPolicy &policy, const SyncTools &tools);

    const core::ElementId &element() const { return element_; }

    /// Reads the crew. False if the sync ends here, for want of requests.
    bool read();

    /// Time in which other crews had their turn is neither this one's duration nor off its deadline.
    void leave_out(std::chrono::steady_clock::duration time);

    /// Reads what is remembered of the crew, while Flex is asked.
    void read_known();

    /// Takes the listing on from there. What the server raises passes through.
    void run(core::Listing first);

    /// The sync could not go on for an error of the server's, which has been undone.
    void fail(const std::string &sqlstate, const std::string &message);

    /// Writes the log and gives the row. What was done in Flex is told also where it cannot be logged.
    SyncRow log();

private:
    void bound_waits();
    CrewSession &session_;
    SyncTools tools_;
    core::ElementId element_;
    RunningSync running_;
    core::TimePoint begun_;
    std::string account_;
    Run run_;
    Guard guard_;
    RequestBudget budget_;
    core::Policy policy_;
    CrewStore store_;
    core::SyncRun sync_;
    int requests_before_ = 0;
    int repeats_before_ = 0;
};

/// A row for a crew call that was not synced, which has no run: `busy`, `skipped`.
SyncRow row_without_run(const CrewCall &call, const char *status, std::string message);

} // namespace pg
