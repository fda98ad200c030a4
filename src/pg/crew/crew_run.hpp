#pragma once
// One sync in a session of Postgres, from drawing its id to its row in the log.

#include "core/sync.hpp"
#include "pg/crew/crew_session.hpp"
#include "pg/crew/flex_link.hpp"
#include "pg/crew/run_journal.hpp"
#include "pg/crew/run_log.hpp"
#include "pg/server/lock.hpp"

#include <chrono>
#include <string>

namespace pg {

/// What is in effect for one sync, from the arguments or else the server's options.
struct SyncPolicy {
    core::Prune prune = core::Prune::All;
    int max_removals = 0;
};

/// The sync of a crew whose lock is held. While it lives, a trigger that syncs the same crew gets `busy`. `carry_out`,
/// or for whoever lists many crews at once `begin`, the listing with `meanwhile`, and `go_on`; `log` in every case.
class CrewRun {
public:
    CrewRun(CrewSession &session, const SyncPolicy &policy, FlexLink &link);

    const core::ElementId &element() const { return element_; }

    /// The moment by which the sync ends; it bounds the waits for the database's locks too.
    core::TimePoint deadline() const { return policy_.deadline; }

    /// Syncs the crew by itself. What the server raises passes through.
    void carry_out();

    /// Reads the crew. False if the sync ends here, for want of requests.
    bool begin();

    /// Reads what is remembered of the crew, while Flex is asked.
    void meanwhile();

    /// Takes the listing on from there. What the server raises passes through.
    void go_on(core::Listing first);

    /// Time in which other crews had their turn is neither this one's duration nor off its deadline.
    void leave_out(std::chrono::steady_clock::duration time);

    /// The sync could not go on for an error of the server's, which has been undone.
    void fail(const std::string &sqlstate, const std::string &message);

    /// Writes the log and gives the row. What was done in Flex is told also where it cannot be logged.
    SyncRow log();

private:
    /// Requests of the client.
    struct Sent {
        int requests = 0;
        int repeats = 0;
    };

    void bound_waits();

    CrewSession &session_;
    FlexLink &link_;
    core::ElementId element_;
    RunningSync running_;
    core::TimePoint begun_;
    Run run_;
    RunJournal journal_;
    RequestBudget budget_;
    core::Policy policy_;
    CrewStore store_;
    core::Sync sync_;
    Sent before_; ///< this sync
};

/// A row for a crew call that was not synced, which has no run: `busy`, `skipped`.
SyncRow row_without_run(const CrewCall &call, const char *status, std::string message);

} // namespace pg
