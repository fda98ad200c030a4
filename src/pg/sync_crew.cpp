// SELECT * FROM flex_sync_crew(call_id): the main job.

#include "core/error.hpp"
#include "core/sync.hpp"
#include "pg/crew_session.hpp"
#include "pg/lock.hpp"
#include "pg/result_tuple.hpp"
#include "pg/run_log.hpp"
#include "pg/time_limit.hpp"

#include <charconv>

#include "pg/wall.hpp"

namespace pg {

using core::Error;

namespace {

struct Arguments {
    std::string call_id;
    std::optional<std::string> prune;
    bool nowait;
    std::optional<int> max_removals;
};

Arguments read_arguments(FunctionCallInfo fcinfo)
{
    Arguments arguments{.call_id = call_id_argument(fcinfo),
                        .prune = text_argument(fcinfo, 1),
                        .nowait = !PG_ARGISNULL(2) && PG_GETARG_BOOL(2),
                        .max_removals = PG_ARGISNULL(3) ? std::nullopt : std::optional(PG_GETARG_INT32(3))};
    prune_argument(arguments.prune, core::Prune::All);
    if (arguments.max_removals && *arguments.max_removals < 0)
        throw Error("22023", "invalid value for argument \"max_removals\": " + std::to_string(*arguments.max_removals),
                    "",
                    "It takes a number of contacts, 0 or more; null takes the option \"max_removals\" of the server.");
    return arguments;
}

void check_transaction()
{
    if (IsolationUsesXactSnapshot())
        throw Error("0A000",
                    "a crew cannot be synced in a transaction at isolation level REPEATABLE READ or SERIALIZABLE",
                    "A sync reads again what others commit meanwhile, which these levels hide.",
                    "Call it in a transaction at isolation level READ COMMITTED.");
    if (call([] { return RecoveryInProgress(); }))
        throw Error("25006", "a crew cannot be synced while the server is in recovery", "",
                    "Call it on the primary server.");
    if (XactReadOnly)
        throw Error("25006", "a crew cannot be synced in a read-only transaction", "",
                    "Call it in a read-write transaction; flex_sync_plan works in a read-only one.");
}

/// Takes the lock of the crew. Under it the element is read again: it may have changed while the lock was waited for.
/// False if another sync holds it, or this very one.
bool lock_crew(CrewSession &session, bool nowait)
{
    for (;;) {
        const core::ElementId element = session.element();
        if (RunningSync::is_running(element))
            return false;
        const std::int64_t key = lock_key(element);
        if (!take_lock(key, nowait))
            return false;
        session.read_call_again();
        if (session.element() == element)
            return true;
        give_lock_back(key);
    }
}

RowValues values_of(const Run &run)
{
    const core::SyncResult &result = run.result;
    return {{"run_id", run.run_id ? std::optional(std::to_string(*run.run_id)) : std::nullopt},
            {"crew_call_id", run.call.id},
            {"status", run.status},
            {"desired", std::to_string(result.desired)},
            {"kept", std::to_string(result.kept)},
            {"adopted", std::to_string(result.adopted)},
            {"added", std::to_string(result.added)},
            {"removed", std::to_string(result.removed)},
            {"stale", std::to_string(result.stale)},
            {"pruned", std::to_string(result.pruned)},
            {"roles_set", std::to_string(result.roles_set)},
            {"skipped", std::to_string(result.skipped)},
            {"failed", std::to_string(result.failed)},
            {"passes", std::to_string(result.passes)},
            {"http_requests", std::to_string(result.http_requests)},
            {"duration_ms", std::to_string(run.duration_ms)},
            {"message", result.message},
            {"diagnostics", diagnostics_json(result)}};
}

/// Syncs the crew whose lock is held, and logs it.
void sync_locked(CrewSession &session, Run &run)
{
    const core::TimePoint begun = std::chrono::steady_clock::now();
    run.run_id = next_run_id(session.statements, session.own);
    run.started_at = now_text();

    LatchWaiter waiter;
    LatchClock clock;
    const ServerOptions &options = session.connection.options;
    const core::ElementId element = session.element();
    const core::Policy policy{
        .prune = run.prune, .max_removals = run.max_removals, .deadline = time_limit(begun, options.deadline)};
    CrewStore store(session.statements, session.relations, session.own, session.connection.server, element);
    flex::Client flex(options.url, options.http, waiter);
    {
        const RunningSync running(element);
        run.result = core::synchronise(element, policy, store, flex, clock);
    }
    run.status = core::name_of(run.result.status);
    run.duration_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun).count();
    write_log(session.statements, session.own, run);
}

Datum sync_crew(FunctionCallInfo fcinfo)
{
    const Arguments arguments = read_arguments(fcinfo);
    check_transaction();
    CrewSession session(fcinfo, arguments.call_id, Access::Write);
    Run run{.server = session.connection.server,
            .prune = prune_argument(arguments.prune, session.connection.options.prune),
            .max_removals = arguments.max_removals.value_or(session.connection.options.max_removals)};
    const bool is_locked = lock_crew(session, arguments.nowait);
    run.call = session.call;
    if (is_locked) {
        sync_locked(session, run);
    } else {
        run.status = "busy";
        run.result.message = "Another sync of this crew is running; nothing was changed.";
    }
    session.statements.finish();
    return make_composite(fcinfo, values_of(run));
}

} // namespace

} // namespace pg

FLEX_SYNC_FUNCTION(flex_sync_crew, pg::sync_crew)
