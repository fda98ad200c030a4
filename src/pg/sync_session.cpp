#include "pg/sync_session.hpp"

#include "core/error.hpp"
#include "core/sync.hpp"
#include "pg/lock.hpp"
#include "pg/postgrest.hpp"
#include "pg/request_budget.hpp"
#include "pg/run_log.hpp"
#include "pg/time_limit.hpp"

#include <array>
#include <charconv>

#include "pg/wall.hpp"

namespace pg {

using core::Error;

namespace {

/// The columns of flex_sync_result.
constexpr std::array<const char *, 18> result_columns{
    "run_id", "crew_call_id", "status",  "desired", "kept",   "adopted",       "added",       "removed", "stale",
    "pruned", "roles_set",    "skipped", "failed",  "passes", "http_requests", "duration_ms", "message", "diagnostics"};

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

/// One line in the server's log, without a secret, where Flex made us ask again.
void log_repeats(const Run &run, int repeats)
{
    if (repeats == 0)
        return;
    const char *const call_id = run.call.id.c_str();
    const char *const status = run.status.c_str();
    call([&] {
        ereport(LOG, errmsg("sync of crew call \"%s\" repeated requests to Flex", call_id),
                errdetail("Repeats: %d, requests in all: %d, status: %s.", repeats, run.result.http_requests, status));
    });
}

} // namespace

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

std::int64_t last_run_id(Statements &statements, const OwnTables &own)
{
    Rows rows = statements.run("SELECT (s.last_value - CASE WHEN s.is_called THEN 0 ELSE 1 END)::text FROM " +
                                   own.table("flex_sync_run_id_seq") + " AS s",
                               {}, own.identity);
    const std::string_view text = *rows.at(0, 0);
    std::int64_t id = 0;
    std::from_chars(text.data(), text.data() + text.size(), id);
    rows.release();
    return id;
}

RowValues sync_locked(CrewSession &session, const SyncPolicy &policy)
{
    const core::TimePoint begun = std::chrono::steady_clock::now();
    const ServerOptions &options = session.connection.options;
    Run run{.run_id = next_run_id(session.statements, session.own),
            .call = session.call,
            .server = session.connection.server,
            .prune = policy.prune,
            .max_removals = policy.max_removals,
            .started_at = now_text()};

    LatchWaiter waiter;
    LatchClock clock;
    const core::ElementId element = session.element();
    RequestBudget limits(session.statements, session.own, session.connection.server, options);
    RequestBudget *const budget = options.hourly_limit > 0 || options.daily_limit > 0 ? &limits : nullptr;
    CrewStore store(session.statements, session.relations, session.own, session.connection.server, element);
    flex::Client flex(options.url, options.http, waiter, budget);
    {
        const RunningSync running(element);
        const core::Policy core_policy{.prune = policy.prune,
                                       .max_removals = policy.max_removals,
                                       .deadline = time_limit(begun, options.deadline),
                                       .budget = budget};
        run.result = core::synchronise(element, core_policy, store, flex, clock);
    }
    run.status = core::name_of(run.result.status);
    run.duration_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun).count();
    write_log(session.statements, session.own, run);
    log_repeats(run, flex.repeats());
    set_response(run.status, run.result.timed_out, run.result.retry_after);
    return values_of(run);
}

std::optional<RowValues> result_of_run_since(std::int64_t last_run, CrewSession &session, const SyncPolicy &policy)
{
    const std::string read_run = R"(
        SELECT l.run_id::text, l.crew_call_id::text, l.status, l.desired::text, l.kept::text, l.adopted::text,
               l.added::text, l.removed::text, l.stale::text, l.pruned::text, l.roles_set::text, l.skipped::text,
               l.failed::text, l.passes::text, l.http_requests::text, l.duration_ms::text, l.message,
               l.diagnostics::text
        FROM )" + session.own.table("flex_sync_log") +
                                 R"( AS l
        WHERE lower(l.flex_element_id COLLATE "C") = lower($1 COLLATE "C") AND l.run_id > $2::bigint
          AND l.server = $3 AND l.prune = $4 AND l.max_removals = $5::integer
        ORDER BY l.run_id DESC LIMIT 1)";
    Rows rows = session.statements.run(read_run,
                                       {*session.call.element, std::to_string(last_run), session.connection.server,
                                        core::name_of(policy.prune), std::to_string(policy.max_removals)},
                                       session.own.identity);
    if (rows.empty())
        return std::nullopt;
    RowValues values;
    for (std::size_t column = 0; column < result_columns.size(); ++column)
        values.push_back({result_columns[column], std::string(rows.at(0, column).value_or(""))});
    rows.release();

    std::string &status = *values[2].text;
    const bool has_written = call([] { return TransactionIdIsValid(GetTopTransactionIdIfAny()); });
    if (status == "ok" && !has_written)
        status = "coalesced";
    else if (status != "failed" && status != "deferred")
        return std::nullopt;
    const std::string &diagnostics = *values.back().text;
    const bool timed_out = diagnostics.find(R"("code": "timeout")") != std::string::npos ||
                           diagnostics.find(R"("code": "deadline")") != std::string::npos;
    set_response(status, timed_out, std::nullopt);
    return values;
}

RowValues busy_result(const CrewCall &call)
{
    set_response("busy", false, std::nullopt);
    Run run{.status = "busy", .call = call};
    run.result.message = "Another sync of this crew is running; nothing was changed.";
    return values_of(run);
}

} // namespace pg
