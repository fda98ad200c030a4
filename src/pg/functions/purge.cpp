#include "pg/functions/purge.hpp"

#include "core/error.hpp"
#include "pg/crew/run_journal.hpp"

#include "pg/server/wall.hpp"

namespace pg {

std::int64_t purge_log(Statements &statements, const OwnTables &own, const std::string &older_than)
{
    settle_all(statements, own);
    const std::string log = own.table("flex_sync_log");
    const std::string operations = own.table("flex_sync_log_operation");
    const std::string purge = "WITH purged AS (DELETE FROM " + log + R"( AS l
            WHERE l.started_at < now() - greatest($1::interval, '1 day'::interval) RETURNING l.run_id
        ), operations AS (DELETE FROM )" +
                              operations + R"( AS o USING purged AS p WHERE o.run_id = p.run_id)
        SELECT count(*)::text FROM purged)";
    if (own.has_accounts)
        statements.run("DELETE FROM " + own.table("flex_sync_requests") +
                           " AS r WHERE r.at < now() - '1 day'::interval",
                       {}, own.identity);
    const Rows rows = statements.run(purge, {older_than}, own.identity);
    return rows.number<std::int64_t>(0, 0).value();
}

namespace {

Datum sync_purge(FunctionCallInfo fcinfo)
{
    if (PG_ARGISNULL(0))
        throw core::Error("22004", "older_than must not be null", "", "Pass an interval, such as '90 days'.");
    const char *const older_than =
        call([&] { return DatumGetCString(DirectFunctionCall1(interval_out, PG_GETARG_DATUM(0))); });
    const OwnTables own = find_own_tables(fcinfo);
    Statements statements;
    const std::int64_t count = purge_log(statements, own, older_than);
    statements.finish();
    return Int64GetDatum(count);
}

} // namespace

} // namespace pg

FLEX_SYNC_FUNCTION(flex_sync_purge, pg::sync_purge)
