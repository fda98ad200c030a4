// The doctor's estimate of what a run over the due crew calls takes, beside the limits.

#include "pg/functions/doctor.hpp"

#include "core/resource_text.hpp"
#include "flex/url.hpp"
#include "pg/crew/relations.hpp"
#include "pg/crew/spent_requests.hpp"

#include <unordered_set>

#include "pg/server/wall.hpp"

namespace pg {

namespace {

std::string counted(std::int64_t count, const std::string &one)
{
    return std::to_string(count) + " " + one + (count == 1 ? "" : "s");
}

struct Estimate {
    std::int64_t elements; ///< to list
    std::int64_t changes;  ///< requests for what is known to differ, closing listings included
};

/// The elements of the due calls (with no request), and what each technician takes who is not mapped, or mapped and not
/// assigned any more.
constexpr std::string_view read_requests_sql = R"(
    WITH due AS (
        SELECT c.id, pg_catalog.lower(c.flex_element_id::pg_catalog.text) AS element
        FROM {due} AS d JOIN {calls} AS c ON c.id OPERATOR(pg_catalog.=) d.crew_call_id
        WHERE c.flex_element_id IS NOT NULL
        GROUP BY c.id, c.flex_element_id
    )
    SELECT u.element, NULL::pg_catalog.text, '0' FROM due AS u
    UNION ALL
    SELECT u.element, w.flex_resource_id::pg_catalog.text, CASE WHEN w.business_role_id IS NULL THEN '1' ELSE '2' END
    FROM {desired} AS w JOIN due AS u ON u.id OPERATOR(pg_catalog.=) w.crew_call_id
    WHERE w.flex_resource_id::pg_catalog.text OPERATOR(pg_catalog.<>) ''
      AND NOT EXISTS (SELECT FROM {assignments} AS a
                      WHERE a.crew_call_id OPERATOR(pg_catalog.=) w.crew_call_id
                        AND a.technician_id OPERATOR(pg_catalog.=) w.technician_id)
    UNION ALL
    SELECT u.element, NULL::pg_catalog.text, '1'
    FROM {assignments} AS a JOIN due AS u ON u.id OPERATOR(pg_catalog.=) a.crew_call_id
    WHERE NOT EXISTS (SELECT FROM {desired} AS w
                      WHERE w.crew_call_id OPERATOR(pg_catalog.=) a.crew_call_id
                        AND w.technician_id OPERATOR(pg_catalog.=) a.technician_id))";

Estimate estimate_run(Statements &statements, const ServerOptions &options)
{
    const CrewRelations relations{.schema = quoted_identifier(options.crew_schema)};
    std::unordered_set<std::string> elements, changed;
    std::int64_t changes = 0;
    statements.for_each(relations.in(read_requests_sql), {}, {Identity::Kind::Reader}, [&](const Row &row) {
        const std::string element(*row.at(0));
        elements.insert(element);
        const std::int64_t requests = number_in<std::int64_t>(row.at(2)).value_or(0);
        if (requests == 0 || core::is_malformed_resource(row.at(1).value_or("")))
            return;
        changed.insert(element);
        changes += requests;
    });
    return {static_cast<std::int64_t>(elements.size()), changes + static_cast<std::int64_t>(changed.size())};
}

/// What a limit leaves, as a sentence; empty where there is no limit.
std::string describe_limit(const char *option, int limit, const char *window, std::int64_t used)
{
    if (limit == 0)
        return "";
    return std::string(" Of ") + option + " (" + std::to_string(limit) + ") the last " + window + " has used " +
           std::to_string(used) + ".";
}

} // namespace

void examine_requests(Findings &findings, Statements &statements, const OwnTables &own, const std::string &server,
                      const ServerOptions &options)
{
    findings.look("requests", [&] {
        const Estimate estimate = estimate_run(statements, options);
        const Spent spent = SpentRequests(statements, own, flex::account_url(options.url), server).read();
        const std::int64_t needed = estimate.elements + estimate.changes;
        std::string detail = "A run over flex_due_crew_calls takes about " + counted(needed, "request") +
                             ": one for each of " + counted(estimate.elements, "element");
        detail += estimate.changes == 0 ? "." : ", and " + std::to_string(estimate.changes) + " for known differences.";
        detail += describe_limit("hourly_limit", options.hourly_limit, "hour", spent.in_hour);
        detail += describe_limit("daily_limit", options.daily_limit, "day", spent.in_day);
        const auto fits = [&](int limit, std::int64_t used) { return limit == 0 || used + needed <= limit; };
        if (fits(options.hourly_limit, spent.in_hour) && fits(options.daily_limit, spent.in_day))
            return findings.ok("requests", detail);
        findings.warn("requests", detail + " A run would not fit now; the crews that are left would be deferred.",
                      "Raise the limit if the Flex plan allows it, list fewer calls in flex_due_crew_calls, or run "
                      "flex_sync_all less often: it begins with the calls that were synced longest ago.");
    });
}

} // namespace pg
