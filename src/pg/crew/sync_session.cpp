#include "pg/crew/sync_session.hpp"

#include "core/error.hpp"

#include "pg/server/wall.hpp"

namespace pg {

using core::Error;

namespace {

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

/// A run as the log has it.
SyncRow logged_row(const Rows &rows)
{
    const auto count = [&rows](std::size_t column) { return rows.number<int>(0, column).value_or(0); };
    const auto text = [&rows](std::size_t column) { return std::string(rows.at(0, column).value_or("")); };
    SyncRow row{.run_id = rows.number<std::int64_t>(0, 0),
                .call_id = text(1),
                .status = text(2),
                .counts = {.desired = count(3),
                           .kept = count(4),
                           .adopted = count(5),
                           .added = count(6),
                           .removed = count(7),
                           .stale = count(8),
                           .pruned = count(9),
                           .roles_set = count(10),
                           .skipped = count(11),
                           .failed = count(12),
                           .retained = count(18)},
                .passes = count(13),
                .http_requests = count(14),
                .duration_ms = rows.number<double>(0, 15).value_or(0),
                .message = text(16),
                .diagnostics = text(17)};
    row.aside.timed_out = rows.at(0, 19) == "true";
    if (const auto milliseconds = rows.number<std::int64_t>(0, 20))
        row.aside.retry_after = core::Milliseconds(*milliseconds);
    return row;
}

} // namespace

void check_transaction()
{
    if (IsolationUsesXactSnapshot())
        throw Error("0A000",
                    "a crew cannot be synced in a transaction at isolation level REPEATABLE READ or SERIALIZABLE",
                    "A sync reads again what others commit while it runs, which these levels hide.",
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
    const Rows rows = statements.run("SELECT (s.last_value - CASE WHEN s.is_called THEN 0 ELSE 1 END)::text FROM " +
                                         own.table("flex_sync_run_id_seq") + " AS s",
                                     {}, own.identity);
    return rows.number<std::int64_t>(0, 0).value();
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
    FlexLink link(session.statements, session.own, session.connection);
    CrewRun run(session, policy, link);
    run.carry_out();
    return run.log();
}

SyncRow sync_locked_alone(CrewSession &session, const SyncPolicy &policy)
{
    FlexLink link(session.statements, session.own, session.connection);
    CrewRun run(session, policy, link);
    if (const auto undone = in_subtransaction_of_crew([&] { run.carry_out(); }))
        run.fail(undone->sqlstate, undone->message);
    return run.log();
}

SyncRow failed_row(CrewSession &session, const SyncPolicy &policy, const UndoneError &error)
{
    FlexLink link(session.statements, session.own, session.connection);
    CrewRun run(session, policy, link);
    run.fail(error.sqlstate, error.message);
    return run.log();
}

std::optional<SyncRow> result_of_run_since(std::int64_t last_run, CrewSession &session, const SyncPolicy &policy)
{
    const std::string read_run =
        filled(read_run_sql, {{"{log}", session.own.table("flex_sync_log")},
                              {"{retry_at}", session.own.has_accounts ? "l.retry_at" : "NULL::timestamptz"}});
    const Rows rows = session.statements.run(
        read_run,
        {*session.call.element, std::to_string(last_run), session.connection.server, core::name_of(policy.prune),
         std::to_string(policy.max_removals), core::is_uuid(*session.call.element) ? "true" : "false"},
        session.own.identity);
    if (rows.empty())
        return std::nullopt;
    SyncRow row = logged_row(rows);
    const bool has_written = call([] { return TransactionIdIsValid(GetTopTransactionIdIfAny()); });
    if (row.status == "ok" && !has_written)
        row.status = "coalesced";
    else if (row.status != "failed" && row.status != "deferred")
        return std::nullopt;
    return row;
}

SyncRow busy_row(const CrewCall &call)
{
    return row_without_run(call, "busy", "Another sync of this crew is running; nothing was changed.");
}

} // namespace pg
