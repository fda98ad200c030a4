#include "pg/crew/run_log.hpp"

#include "pg/server/encoding.hpp"
#include "pg/server/json.hpp"
#include "pg/server/settings.hpp"

#include <vector>

namespace pg {

using core::Outcome;

namespace {

/// The `sub` of the JSON Web Token under PostgREST; none elsewhere.
std::optional<std::string> jwt_subject()
{
    const std::string claims = setting("request.jwt.claims");
    flex::json::Document document;
    document.Parse<flex::parse_flags>(claims.data(), claims.size());
    if (document.HasParseError() || !document.IsObject())
        return std::nullopt;
    const flex::json::Value *const sub = flex::find_member(document, "sub");
    if (!sub || !sub->IsString())
        return std::nullopt;
    return std::string(sub->GetString(), sub->GetStringLength());
}

/// A thing that never reached Flex is a diagnostic, not an operation.
bool reached_flex(const core::Operation &operation)
{
    return operation.answer.outcome != Outcome::NotSent && operation.answer.outcome != Outcome::NothingDone;
}

std::string operations_json(const core::SyncResult &result)
{
    JsonWriter json;
    json.begin_array();
    std::int64_t ordinal = 0;
    for (const core::Operation &operation : result.operations) {
        if (!reached_flex(operation))
            continue;
        json.begin_object();
        json.number("ordinal", ++ordinal);
        json.text("action", core::name_of(operation.action));
        json.id("technician_id", operation.technician);
        json.id("flex_resource_id", operation.resource);
        json.id("flex_line_item_id", operation.line);
        if (operation.answer.http_status != 0)
            json.number("http_status", std::int64_t{operation.answer.http_status});
        json.text("outcome", outcome_name(operation.answer.outcome));
        json.number("duration_ms", operation.answer.duration.count());
        json.end_object();
    }
    json.end_array();
    return ordinal == 0 ? "" : std::string(json.view());
}

// The columns that flex_sync_result has had since 1.0 first, in its order.
constexpr std::string_view insert_run_sql = R"(
    INSERT INTO {log} (run_id, crew_call_id, status, desired, kept, adopted, added,
                       removed, stale, pruned, roles_set, skipped,
                       failed, passes, http_requests, duration_ms, message, diagnostics,
                       job_id, department, flex_element_id, server, prune, max_removals, started_at,
                       triggered_by, application_name{later columns})
    VALUES ($1::bigint, $2::uuid, $3, $4::integer, $5::integer, $6::integer, $7::integer,
            $8::integer, $9::integer, $10::integer, $11::integer, $12::integer,
            $13::integer, $14::integer, $15::integer, $16::double precision, $17, $18::jsonb,
            $19::uuid, $20, $21, $22, $23, $24::integer, '2000-01-01 00:00:00+00'::timestamptz + $25::bigint * '1 microsecond'::interval,
            $26, $27{later values}))";

constexpr const char *later_values_sql =
    ", $28, clock_timestamp() + make_interval(secs => $29::double precision), $30::integer";

} // namespace

/// A claim's escapes may spell what is no text, and a role may have got its name in a database of another encoding.
std::string triggered_by()
{
    if (std::optional<std::string> subject = jwt_subject())
        return storable(*std::move(subject));
    return storable(call([] { return GetUserNameFromId(GetSessionUserId(), false); }));
}

std::string_view outcome_name(Outcome outcome)
{
    if (outcome == Outcome::Done)
        return "done";
    return outcome == Outcome::Unknown ? "unknown" : "refused";
}

std::int64_t next_run_id(Statements &statements, const OwnTables &own)
{
    const Rows rows =
        statements.run("SELECT nextval($1::regclass)::text", {own.table("flex_sync_run_id_seq")}, own.identity);
    return rows.number<std::int64_t>(0, 0).value();
}

SyncRow row_of(const Run &run)
{
    const core::SyncResult &result = run.result;
    const std::string first = result.diagnostics.empty() ? "" : result.diagnostics.front().message;
    return {.run_id = run.run_id,
            .call_id = run.call.id,
            .status = run.status,
            .counts = result.counts,
            .passes = result.passes,
            .http_requests = result.http_requests,
            .duration_ms = run.duration_ms,
            .message = storable(result.message),
            .diagnostics = diagnostics_json(result),
            .aside = {.timed_out = result.timed_out,
                      .never_fits = result.never_fits,
                      .retry_after = result.retry_after,
                      .first_diagnostic = first}};
}

void write_log(Statements &statements, const OwnTables &own, const Run &run, const SyncRow &row)
{
    const RowValues columns = values_of(row);
    const std::string max_removals = std::to_string(run.max_removals);
    const std::string started_at = std::to_string(run.started_at);
    const std::string subject = triggered_by();
    const std::string application = storable(setting("application_name"));
    std::optional<std::string> retry_after;
    if (run.result.retry_after)
        retry_after = std::to_string(static_cast<double>(run.result.retry_after->count()) / 1000);
    const std::string retained = std::to_string(run.result.counts.retained);
    std::vector<Parameter> values;
    for (const ColumnValue &value : columns)
        if (value.name != "retained")
            values.push_back(value.text);
    values.insert(values.end(), {run.call.job, run.call.department, run.call.element, run.server, name_of(run.prune),
                                 max_removals, started_at, subject, application});
    if (own.has_accounts)
        values.insert(values.end(), {run.url, retry_after, retained});
    std::string insert_run(insert_run_sql);
    insert_run.replace(insert_run.find("{log}"), 5, own.table("flex_sync_log"));
    insert_run.replace(insert_run.find("{later columns}"), 15, own.has_accounts ? ", url, retry_at, retained" : "");
    insert_run.replace(insert_run.find("{later values}"), 14, own.has_accounts ? later_values_sql : "");
    statements.run(insert_run, values, own.identity);

    const std::string operations = operations_json(run.result);
    if (operations.empty())
        return;
    const std::string insert_operations = "INSERT INTO " + own.table("flex_sync_log_operation") + R"(
        (run_id, ordinal, action, technician_id, flex_resource_id, flex_line_item_id, http_status, outcome, duration_ms)
        SELECT $1::bigint, r.ordinal, r.action, r.technician_id, r.flex_resource_id, r.flex_line_item_id,
               r.http_status, r.outcome, r.duration_ms
        FROM jsonb_populate_recordset(NULL::)" +
                                          own.table("flex_sync_log_operation") + ", $2::jsonb) AS r";
    statements.run(insert_operations, {std::to_string(*run.run_id), operations}, own.identity);
}

void log_to_server(const Run &run, int repeats)
{
    const int min_duration_ms = log_min_duration_setting();
    const bool is_slow = min_duration_ms >= 0 && run.duration_ms >= min_duration_ms;
    if (repeats == 0 && !is_slow)
        return;
    const char *const call_id = run.call.id.c_str();
    const char *const status = run.status.c_str();
    const core::SyncResult &result = run.result;
    call([&] {
        ereport(LOG,
                errmsg("flex_sync: crew call \"%s\": %s in %.0f ms, %d requests (%d repeated), %d kept, %d adopted, "
                       "%d added, %d removed, %d pruned, %d failed",
                       call_id, status, run.duration_ms, result.http_requests, repeats, result.counts.kept,
                       result.counts.adopted, result.counts.added, result.counts.removed, result.counts.pruned,
                       result.counts.failed),
                errhidestmt(true));
    });
}

std::int64_t current_timestamp()
{
    return call([] { return GetCurrentTimestamp(); });
}

} // namespace pg
