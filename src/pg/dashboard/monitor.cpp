// What the views flex_sync_health, flex_sync_alerts and flex_sync_activity ask of the crew relations and the lock
// table. Everybody may call these: a view is checked as its owner, but a function in it as the caller, so that they
// check for themselves.

#include "pg/crew/catalog.hpp"
#include "pg/crew/relations.hpp"
#include "pg/dashboard/data.hpp"
#include "pg/server/own_tables.hpp"
#include "pg/server/result_tuple.hpp"

#include <unordered_map>

#include "pg/server/wall.hpp"

namespace pg {

namespace {

constexpr Identity reader{Identity::Kind::Reader};

constexpr std::string_view count_crew_sql = R"(
    SELECT d.duplicates::pg_catalog.text, d.since::pg_catalog.text, m.missing::pg_catalog.text
    FROM (SELECT pg_catalog.count(*) AS duplicates, pg_catalog.max(s.last_created_at) AS since
          FROM (SELECT pg_catalog.max(a.created_at) AS last_created_at
                FROM {assignments} AS a
                WHERE a.crew_call_id IS NOT NULL AND a.technician_id IS NOT NULL
                GROUP BY a.crew_call_id, a.technician_id
                HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 1) AS s) AS d
    CROSS JOIN (SELECT pg_catalog.count(*) AS missing
                FROM (SELECT w.crew_call_id, w.technician_id FROM {desired} AS w
                      JOIN {calls} AS c ON c.id OPERATOR(pg_catalog.=) w.crew_call_id
                      WHERE w.flex_resource_id::pg_catalog.text OPERATOR(pg_catalog.<>) ''
                        AND c.flex_element_id::pg_catalog.text OPERATOR(pg_catalog.<>) ''
                      GROUP BY w.crew_call_id, w.technician_id) AS w
                WHERE NOT EXISTS (SELECT FROM {assignments} AS a
                                  WHERE a.crew_call_id OPERATOR(pg_catalog.=) w.crew_call_id
                                    AND a.technician_id OPERATOR(pg_catalog.=) w.technician_id)) AS m)";

} // namespace

CrewCounts count_crew(Statements &statements, const std::string &crew_schema)
{
    const CrewRelations relations = check_relations(crew_schema, Access::Read);
    const Rows rows = statements.run(relations.in(count_crew_sql), {}, reader);
    CrewCounts counts{
        .duplicates = *rows.text(0, 0), .duplicates_since = rows.text(0, 1), .missing_crew = *rows.text(0, 2)};
    return counts;
}

namespace {

Datum crew_counts(FunctionCallInfo fcinfo)
{
    const std::string schema = find_server_options().crew_schema;
    Statements statements;
    const CrewCounts counts = count_crew(statements, schema);
    statements.finish();
    return make_composite(fcinfo, {{"duplicates", counts.duplicates},
                                   {"duplicates_since", counts.duplicates_since},
                                   {"missing_crew", counts.missing_crew}});
}

constexpr const char *read_activity_sql = R"(
    SELECT k.pid::text, ((k.classid::bigint << 32) | k.objid::bigint)::text,
           CASE WHEN w.pid IS NULL THEN 'running' ELSE 'waiting' END,
           coalesce(w.waitstart, s.query_start)::text, s.application_name
    FROM pg_locks AS k
    JOIN pg_stat_activity AS s ON s.pid = k.pid
    LEFT JOIN pg_locks AS w ON w.pid = k.pid AND w.locktype = 'advisory' AND NOT w.granted
    WHERE k.locktype = 'advisory' AND k.objsubid = 999
      AND k.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
    ORDER BY k.pid)";

constexpr std::string_view read_call_hashes_sql = R"(
    SELECT c.id::pg_catalog.text, pg_catalog.hashtextextended(c.id::pg_catalog.text, 62)::pg_catalog.text
    FROM {calls} AS c)";

void add_running_syncs(ResultSet &result, Statements &statements, const CrewRelations &relations, const OwnTables &own)
{
    const Rows syncs = statements.run(read_activity_sql, {}, own.identity);
    if (syncs.empty())
        return;
    // A lock's key has room for a hash of the call's id only.
    const Rows calls = statements.run(relations.in(read_call_hashes_sql), {}, reader);
    std::unordered_map<std::string, std::string> call_by_hash;
    for (std::size_t row = 0; row < calls.size(); ++row)
        call_by_hash.emplace(*calls.at(row, 1), *calls.at(row, 0));
    for (std::size_t row = 0; row < syncs.size(); ++row) {
        const auto call = call_by_hash.find(std::string(*syncs.at(row, 1)));
        result.add({{"pid", syncs.text(row, 0)},
                    {"crew_call_id", call == call_by_hash.end() ? std::nullopt : std::optional(call->second)},
                    {"state", syncs.text(row, 2)},
                    {"since", syncs.text(row, 3)},
                    {"application_name", syncs.text(row, 4)}});
    }
}

Datum running_syncs(FunctionCallInfo fcinfo)
{
    const CrewRelations relations = check_relations(find_server_options().crew_schema, Access::Calls);
    const OwnTables own = find_own_tables(fcinfo);
    Statements statements;
    ResultSet result(fcinfo);
    add_running_syncs(result, statements, relations, own);
    statements.finish();
    return 0;
}

} // namespace

} // namespace pg

FLEX_SYNC_FUNCTION(flex_sync_crew_counts, pg::crew_counts)
FLEX_SYNC_FUNCTION(flex_sync_running, pg::running_syncs)
