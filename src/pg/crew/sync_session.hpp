#pragma once
// What every function that syncs does around a sync.

#include "pg/crew/crew_run.hpp"
#include "pg/server/subtransaction.hpp"

#include <cstdint>
#include <optional>

namespace pg {

/// Throws 0A000 or 25006 in a transaction in which a crew cannot be synced.
void check_transaction();

/// The crew's lock, or why not.
enum class Lock { Taken, TakenAfterWait, Busy };

/// Takes the lock of the session's crew call. Under it the element is read again: it may have changed while the lock
/// was waited for. `last_run` becomes the id of the last run that had begun before the wait, so that a later one is
/// known to have begun after this call did.
Lock lock_crew(CrewSession &session, bool nowait, std::int64_t &last_run);

/// The id of the last run that has begun, in whatever session.
std::int64_t last_run_id(Statements &statements, const OwnTables &own);

/// Syncs the crew call whose lock is held, by itself. What the server raises passes through.
SyncRow sync_locked(CrewSession &session, const SyncPolicy &policy);

/// The same beside other crews in one transaction: what the server raises is undone, and ends this sync alone.
SyncRow sync_locked_alone(CrewSession &session, const SyncPolicy &policy);

/// The row of a crew call that could not be synced for an error of the server's, which has been undone. Logged as well.
SyncRow failed_row(CrewSession &session, const SyncPolicy &policy, const UndoneError &error);

/// The result of another session's run of this crew under the same policy, with an id greater than `last_run`: it began
/// after that was noted. One that ended `ok` is ours (`coalesced`) unless this transaction has written something, which
/// that run cannot have seen. One that ended `failed` or `deferred` is ours as it is: an outage must not make every
/// caller wait for it.
std::optional<SyncRow> result_of_run_since(std::int64_t last_run, CrewSession &session, const SyncPolicy &policy);

/// The row where another sync of the crew is running.
SyncRow busy_row(const CrewCall &call);

} // namespace pg
