#include "pg/crew/sync_session.hpp"

#include "core/error.hpp"
#include "pg/server/time_limit.hpp"

#include <array>
#include <charconv>

#include "pg/server/wall.hpp"

namespace pg {

using core::Error;

namespace {

/// The columns of flex_sync_result, as `result_of_run_since` reads them.
constexpr std::array<const char *, 19> result_columns{
    "run_id",        "crew_call_id", "status",  "desired",     "kept",    "adopted", "added",
    "removed",       "stale",        "pruned",  "roles_set",   "skipped", "failed",  "passes",
    "http_requests", "duration_ms",  "message", "diagnostics", "retained"};

// The log of 1.0 has no column "retained". Only UUIDs ($6) are the same element in another letter case.
constexpr const char *read_run_sql = R"(
    SELECT l.run_id::text, l.crew_call_id::text, l.status, l.desired::text, l.kept::text, l.adopted::text,
           l.added::text, l.removed::text, l.stale::text, l.pruned::text, l.roles_set::text, l.skipped::text,
           l.failed::text, l.passes::text, l.http_requests::text, l.duration_ms::text, l.message, l.diagnostics::text,
           to_jsonb(l) ->> 'retained',
           (l.diagnostics @> '[{"code": "timeout"}]' OR l.diagnostics @> '[{"code": "deadline"}]')::text,
           greatest(0, ceil(extract(epoch FROM {retry_at} - clock_timestamp()) * 1000))::bigint::text
    FROM {log} AS l
    WHERE lower(l.flex_element_id COLLATE "C") = lower($1 COLLATE "C") AND l.run_id > $2::bigint
      AND (l.flex_element_id COLLATE "C" = $1 OR $6::boolean)
      AND l.server = $3 AND l.prune = $4 AND l.max_removals = $5::integer
    ORDER BY l.run_id DESC LIMIT 1)";

std::optional<core::Milliseconds> milliseconds_at(const Rows &rows, std::size_t column)
{
    const std::optional<std::string_view> text = rows.at(0, column);
    std::int64_t milliseconds = 0;
    if (!text)
        return std::nullopt;
    std::from_chars(text->data(), text->data() + text->size(), milliseconds);
    return core::Milliseconds(milliseconds);
}

/// What a sync works with that shares nothing with another.
struct ToolsOfOne {
    explicit ToolsOfOne(CrewSession &session)
        : budget(session.statements, session.own, session.connection),
          flex(session.connection.options.url, session.connection.options.http, waiter, &repeats),
          tools{flex, clock, budget, time_limit(clock.now(), session.connection.options.deadline)}
    {
    }

    void carry_out(CrewRun &run)
    {
        const core::ElementId &element = run.element();
        if (run.read())
            run.run(std::move(flex.list({&element, 1}, tools.deadline, [&] { run.read_known(); }).front()));
        repeats.release();
    }

    LatchWaiter waiter;
    LatchClock clock;
    ServerBudget budget;
    RequestBudget repeats{budget};
    flex::Client flex;
    SyncTools tools;
};

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

Lock lock_crew(CrewSession &session, bool nowait, std::int64_t &last_run)
{
    Lock lock = Lock::Taken;
    for (;;) {
        const core::ElementId element = session.element();
        if (RunningSync::is_running(element))
            return Lock::Busy;
        const std::int64_t key = lock_key(element);
        if (!take_lock(key, true)) {
            if (nowait)
                return Lock::Busy;
            if (lock == Lock::Taken)
                last_run = last_run_id(session.statements, session.own);
            lock = Lock::TakenAfterWait;
            take_lock(key, false);
        }
        session.read_call_again();
        if (session.element() == element)
            return lock;
        give_lock_back(key);
    }
}

SyncRow sync_locked(CrewSession &session, const SyncPolicy &policy)
{
    ToolsOfOne tools(session);
    CrewRun run(session, policy, tools.tools);
    tools.carry_out(run);
    return run.log();
}

SyncRow sync_locked_alone(CrewSession &session, const SyncPolicy &policy)
{
    ToolsOfOne tools(session);
    CrewRun run(session, policy, tools.tools);
    if (const auto undone = in_subtransaction_of_crew([&] { tools.carry_out(run); }))
        run.fail(undone->sqlstate, undone->message);
    return run.log();
}

SyncRow failed_row(CrewSession &session, const SyncPolicy &policy, const UndoneError &error)
{
    ToolsOfOne tools(session);
    CrewRun run(session, policy, tools.tools);
    run.fail(error.sqlstate, error.message);
    return run.log();
}

std::optional<SyncRow> result_of_run_since(std::int64_t last_run, CrewSession &session, const SyncPolicy &policy)
{
    std::string read_run = read_run_sql;
    read_run.replace(read_run.find("{log}"), 5, session.own.table("flex_sync_log"));
    const bool has_retry_at = session.own.has_accounts;
    read_run.replace(read_run.find("{retry_at}"), 10, has_retry_at ? "l.retry_at" : "NULL::timestamptz");
    Rows rows = session.statements.run(read_run,
                                       {*session.call.element, std::to_string(last_run), session.connection.server,
                                        core::name_of(policy.prune), std::to_string(policy.max_removals),
                                        core::is_uuid(*session.call.element) ? "true" : "false"},
                                       session.own.identity);
    if (rows.empty())
        return std::nullopt;
    SyncRow row{.values = {}, .status = std::string(*rows.at(0, 2)), .timed_out = rows.at(0, 19) == "true"};
    for (std::size_t column = 0; column < result_columns.size(); ++column)
        row.values.push_back({result_columns[column], rows.text(0, column)});
    row.retry_after = milliseconds_at(rows, 20);
    rows.release();

    const bool has_written = call([] { return TransactionIdIsValid(GetTopTransactionIdIfAny()); });
    if (row.status == "ok" && !has_written)
        row.status = "coalesced";
    else if (row.status != "failed" && row.status != "deferred")
        return std::nullopt;
    row.values[2].text = row.status;
    return row;
}

SyncRow busy_row(const CrewCall &call)
{
    return row_without_run(call, "busy", "Another sync of this crew is running; nothing was changed.");
}

} // namespace pg
