// SELECT * FROM flex_sync_crew(call_id): the main job.

#include "core/error.hpp"
#include "pg/crew/command.hpp"
#include "pg/crew/crew_session.hpp"
#include "pg/crew/postgrest.hpp"
#include "pg/crew/sync_session.hpp"
#include "pg/server/encoding.hpp"

#include "pg/server/wall.hpp"

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

/// The crew's sync as this call sees it: its own, or that of another that began after this call did.
SyncRow sync_once(CrewSession &session, const Arguments &arguments, const SyncPolicy &policy)
{
    std::int64_t last_run = 0;
    const Lock lock = lock_crew(session, arguments.nowait, last_run);
    if (lock == Lock::Busy)
        return busy_row(session.call);
    if (lock == Lock::TakenAfterWait)
        if (std::optional<SyncRow> row = result_of_run_since(last_run, session, policy))
            return *std::move(row);
    return sync_locked(session, policy);
}

Datum sync_crew(FunctionCallInfo fcinfo)
{
    check_encoding();
    const Arguments arguments = read_arguments(fcinfo);
    check_transaction();
    CrewSession session(fcinfo, arguments.call_id, Access::Write);
    const ServerOptions &options = session.connection.options;
    const SyncPolicy policy{.prune = prune_argument(arguments.prune, options.prune),
                            .max_removals = arguments.max_removals.value_or(options.max_removals)};
    const std::string key = session.connection.server + '/' + core::canonical_id(*session.call.element) + '/' +
                            std::string(core::name_of(policy.prune)) + '/' + std::to_string(policy.max_removals) + '/' +
                            (arguments.nowait ? "nowait" : "wait");
    std::optional<SyncRow> row = result_in_command(key);
    if (!row) {
        show_activity(arguments.call_id);
        row = sync_once(session, arguments, policy);
        hide_activity(arguments.call_id);
        set_response(row->status, row->aside.timed_out, row->aside.retry_after);
    }
    session.statements.finish();
    if (row->run_id)
        keep_for_command(key, *row);
    row->call_id = arguments.call_id;
    return make_composite(fcinfo, values_of(*row));
}

} // namespace

} // namespace pg

FLEX_SYNC_FUNCTION(flex_sync_crew, pg::sync_crew)
