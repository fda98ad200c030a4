#include "pg/dashboard/data.hpp"

#include "flex/url.hpp"
#include "pg/crew/spent_requests.hpp"
#include "pg/server/settings.hpp"

#include "pg/server/wall.hpp"

namespace pg {

namespace {

/// The statement with {log} and {alerts} in their places.
std::string on_own_tables(std::string_view sql, const OwnTables &own)
{
    std::string text;
    for (;;) {
        const std::size_t open = sql.find('{');
        const std::size_t close = sql.find('}', open);
        if (close == std::string_view::npos)
            return text.append(sql);
        const std::string name = "flex_sync_" + std::string(sql.substr(open + 1, close - open - 1));
        text.append(sql.substr(0, open)).append(own.table(name.c_str()));
        sql.remove_prefix(close + 1);
    }
}

/// A cell as UTF-8, whatever the database's encoding; empty if it is NULL.
std::string text_at(const Rows &rows, std::size_t row, std::size_t column)
{
    const std::string text(rows.at(row, column).value_or(""));
    if (call([] { return GetDatabaseEncoding(); }) == PG_UTF8)
        return text;
    const char *const bytes = text.c_str();
    const int length = static_cast<int>(text.size());
    return call([&] { return pg_server_to_any(bytes, length, PG_UTF8); });
}

std::int64_t count_at(const Rows &rows, std::size_t row, std::size_t column)
{
    return rows.number<std::int64_t>(row, column).value_or(0);
}

constexpr std::string_view read_day_sql = R"(
    SELECT to_char(now(), 'FMDD Mon YYYY, HH24:MI'), current_setting('TimeZone'), count(*)::text,
           ((count(*) FILTER (WHERE l.status IN ('failed', 'partial', 'rolled_back')))::double precision
               / nullif(count(*) FILTER (WHERE l.status IN ('ok', 'partial', 'failed', 'rolled_back')), 0))::text,
           avg(l.duration_ms)::text, (percentile_cont(0.95) WITHIN GROUP (ORDER BY l.duration_ms))::text
    FROM {log} AS l
    WHERE l.started_at > now() - interval '24 hours')";

void read_day(Statements &statements, const OwnTables &own, DashboardData &data)
{
    const Rows rows = statements.run(on_own_tables(read_day_sql, own), {}, own.identity);
    data.now = text_at(rows, 0, 0);
    data.time_zone = text_at(rows, 0, 1);
    data.day = {.syncs = count_at(rows, 0, 2),
                .failure_rate = rows.number<double>(0, 3),
                .mean_ms = rows.number<double>(0, 4),
                .p95_ms = rows.number<double>(0, 5)};
}

// Without the alert that is about the crew relations: those are read as the caller.
constexpr std::string_view read_alerts_sql = R"(
    SELECT a.alert, a.value::text, to_char(a.since, 'HH24:MI'), a.hint FROM {alerts} AS a WHERE a.alert <> 'duplicate')";

void read_alerts(Statements &statements, const OwnTables &own, DashboardData &data)
{
    const Rows rows = statements.run(on_own_tables(read_alerts_sql, own), {}, own.identity);
    for (std::size_t row = 0; row < rows.size(); ++row)
        data.alerts.push_back({.name = text_at(rows, row, 0),
                               .value = rows.number<double>(row, 1).value_or(0),
                               .since = text_at(rows, row, 2),
                               .hint = text_at(rows, row, 3)});
    if (data.duplicates > 0)
        data.alerts.push_back({.name = "duplicate",
                               .value = static_cast<double>(data.duplicates),
                               .since = "",
                               .hint = "Look at flex_sync_duplicates(), clean up with flex_sync_repair(false), and "
                                       "prevent new ones with flex_sync_protect()."});
}

constexpr std::string_view read_hours_sql = R"(
    SELECT to_char(h.hour, 'HH24:MI'), count(*) FILTER (WHERE l.status = 'ok')::text,
           (count(*) FILTER (WHERE l.status IN ('failed', 'partial', 'rolled_back')))::text,
           (count(*) FILTER (WHERE l.status NOT IN ('ok', 'failed', 'partial', 'rolled_back')))::text,
           (percentile_cont(0.5) WITHIN GROUP (ORDER BY l.duration_ms))::text,
           (percentile_cont(0.95) WITHIN GROUP (ORDER BY l.duration_ms))::text
    FROM generate_series(date_trunc('hour', now()) - interval '23 hours', date_trunc('hour', now()), interval '1 hour')
         AS h (hour)
    LEFT JOIN {log} AS l ON l.started_at >= h.hour AND l.started_at < h.hour + interval '1 hour'
    GROUP BY h.hour
    ORDER BY h.hour)";

void read_hours(Statements &statements, const OwnTables &own, DashboardData &data)
{
    const Rows rows = statements.run(on_own_tables(read_hours_sql, own), {}, own.identity);
    for (std::size_t row = 0; row < rows.size(); ++row)
        data.hours.push_back({.begin = text_at(rows, row, 0),
                              .ok = count_at(rows, row, 1),
                              .failed = count_at(rows, row, 2),
                              .other = count_at(rows, row, 3),
                              .median_ms = rows.number<double>(row, 4),
                              .p95_ms = rows.number<double>(row, 5)});
}

void read_spending(Statements &statements, const OwnTables &own, const ServerOptions &options, DashboardData &data)
{
    const Spent spent = SpentRequests(statements, own, flex::account_url(options.url), server_setting()).read();
    data.spending = {{"last hour", "hourly_limit", spent.in_hour, options.hourly_limit},
                     {"last 24 hours", "daily_limit", spent.in_day, options.daily_limit}};
}

constexpr std::string_view read_crews_sql = R"(
    SELECT max(l.department), l.crew_call_id::text, count(*)::text,
           (count(*) FILTER (WHERE l.status IN ('failed', 'partial', 'rolled_back')))::text, sum(l.http_requests)::text,
           avg(l.duration_ms)::text
    FROM {log} AS l
    WHERE l.started_at > now() - interval '24 hours'
    GROUP BY l.crew_call_id
    ORDER BY sum(l.http_requests) DESC, count(*) DESC, l.crew_call_id
    LIMIT 8)";

void read_crews(Statements &statements, const OwnTables &own, DashboardData &data)
{
    const Rows rows = statements.run(on_own_tables(read_crews_sql, own), {}, own.identity);
    for (std::size_t row = 0; row < rows.size(); ++row)
        data.crews.push_back({.department = text_at(rows, row, 0),
                              .call_id = text_at(rows, row, 1),
                              .syncs = count_at(rows, row, 2),
                              .failed = count_at(rows, row, 3),
                              .requests = count_at(rows, row, 4),
                              .mean_ms = rows.number<double>(row, 5).value_or(0)});
}

constexpr std::string_view read_runs_sql = R"(
    SELECT to_char(l.started_at, CASE WHEN l.started_at >= date_trunc('day', now()) THEN 'HH24:MI:SS'
                                      ELSE 'FMDD Mon, HH24:MI' END),
           l.status, l.department, l.crew_call_id::text, (l.added + l.adopted)::text, (l.removed + l.pruned)::text,
           l.http_requests::text, l.duration_ms::text, l.message,
           CASE WHEN l.status = 'partial' THEN l.diagnostics -> 0 ->> 'message' END
    FROM {log} AS l
    ORDER BY l.run_id DESC
    LIMIT 25)";

void read_runs(Statements &statements, const OwnTables &own, DashboardData &data)
{
    const Rows rows = statements.run(on_own_tables(read_runs_sql, own), {}, own.identity);
    for (std::size_t row = 0; row < rows.size(); ++row)
        data.runs.push_back({.started = text_at(rows, row, 0),
                             .status = text_at(rows, row, 1),
                             .department = text_at(rows, row, 2),
                             .call_id = text_at(rows, row, 3),
                             .added = count_at(rows, row, 4),
                             .gone = count_at(rows, row, 5),
                             .requests = count_at(rows, row, 6),
                             .duration_ms = rows.number<double>(row, 7).value_or(0),
                             .message = text_at(rows, row, 8),
                             .trouble = text_at(rows, row, 9)});
}

} // namespace

DashboardData read_dashboard(Statements &statements, const OwnTables &own)
{
    const ServerOptions options = find_server_options();
    const CrewCounts counts = count_crew(statements, options.crew_schema);
    DashboardData data;
    data.server = server_setting();
    data.duplicates = number_in<std::int64_t>(counts.duplicates).value_or(0);
    data.missing_crew = number_in<std::int64_t>(counts.missing_crew).value_or(0);
    read_day(statements, own, data);
    read_alerts(statements, own, data);
    read_hours(statements, own, data);
    read_spending(statements, own, options, data);
    read_crews(statements, own, data);
    read_runs(statements, own, data);
    return data;
}

} // namespace pg
