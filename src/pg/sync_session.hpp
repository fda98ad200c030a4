#pragma once
// One sync in a session of Postgres: before, between and after the steps that core takes.

#include "pg/crew_session.hpp"
#include "pg/result_tuple.hpp"

#include <cstdint>
#include <optional>

namespace pg {

/// What is in effect for one sync, from the arguments or else the server's options.
struct SyncPolicy {
    core::Prune prune = core::Prune::All;
    int max_removals = 0;
};

/// Throws 0A000 or 25006 in a transaction in which a crew cannot be synced.
void check_transaction();

/// The id of the last run that has begun, in whatever session.
std::int64_t last_run_id(Statements &statements, const OwnTables &own);

/// Syncs the crew whose lock is held, logs it, and gives the columns of flex_sync_result.
RowValues sync_locked(CrewSession &session, const SyncPolicy &policy);

/// The result of another session's run of this crew under the same policy, with an id greater than `last_run`: it began
/// after that was noted. One that ended `ok` is ours (`coalesced`) unless this transaction has written something, which
/// that run cannot have seen. One that ended `failed` or `deferred` is ours as it is: an outage must not make every
/// caller wait for it.
std::optional<RowValues> result_of_run_since(std::int64_t last_run, CrewSession &session, const SyncPolicy &policy);

/// The result where another sync of the crew is running.
RowValues busy_result(const CrewCall &call);

} // namespace pg
