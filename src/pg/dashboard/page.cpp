// SELECT flex_sync_dashboard(): one self-contained HTML page, without any script.

#include "pg/dashboard/charts.hpp"
#include "pg/dashboard/html.hpp"
#include "pg/dashboard/style.hpp"

#include <algorithm>

#include "pg/server/wall.hpp"

namespace pg {

namespace {

constexpr std::string_view none = "&#8211;"; // an en dash

std::string plural(std::int64_t count, const char *one, const char *many)
{
    return html_count(count) + " " + (count == 1 ? one : many);
}

// ---- the targets

struct Metric {
    const char *name;
    std::string value;
    const char *target;
    bool is_met;
    std::string note;
};

std::vector<Metric> metrics_of(const DashboardData &data)
{
    const DashboardDay &day = data.day;
    return {{"Duplicates", html_count(data.duplicates), "0", data.duplicates == 0, "technicians with several rows"},
            {"Missing crew", html_count(data.missing_crew), "0", data.missing_crew == 0, "desired, without a row"},
            {"Failed syncs", day.failure_rate ? html_percent(*day.failure_rate) : std::string(none), "under 1 %",
             day.failure_rate.value_or(0) < 0.01, "of " + plural(day.syncs, "sync", "syncs") + " in 24 hours"},
            {"Mean duration", day.mean_ms ? html_duration(*day.mean_ms) : std::string(none), "under 5 s",
             day.mean_ms.value_or(0) < 5000,
             day.p95_ms ? "95 % took at most " + html_duration(*day.p95_ms) : std::string("no sync in 24 hours")}};
}

std::string section_of(const Metric &metric)
{
    return std::string("<section class=\"card metric\"><h2>") + metric.name + "</h2><p class=\"value" +
           (metric.is_met ? "" : " bad") + "\">" + metric.value + "</p><p class=\"note\">" + metric.note +
           "</p><p class=\"mark " + (metric.is_met ? "good\">&#10003; target: " : "bad\">&#10007; target: ") +
           metric.target + "</p></section>";
}

std::string verdict(const DashboardData &data, const std::vector<Metric> &metrics)
{
    const auto missed = std::count_if(metrics.begin(), metrics.end(), [](const Metric &m) { return !m.is_met; });
    if (missed > 0)
        return std::to_string(missed) + " of " + std::to_string(metrics.size()) + " targets " +
               (missed == 1 ? "is" : "are") + " missed";
    if (!data.alerts.empty())
        return plural(static_cast<std::int64_t>(data.alerts.size()), "alert is", "alerts are") + " open";
    return data.runs.empty() ? "Nothing has been synced yet" : "Every target is met";
}

std::string header_of(const DashboardData &data, const std::vector<Metric> &metrics)
{
    std::string text = "<header><p class=\"eyebrow\">flex_sync</p><h1>" + verdict(data, metrics) + "</h1><p>Server " +
                       html(data.server) + " &#183; " + html(data.now) + " (" + html(data.time_zone) + ")";
    if (!data.runs.empty())
        text += " &#183; last sync " + html(data.runs.front().started);
    return text + "</p></header>";
}

// ---- alerts

std::string title_of(const DashboardAlert &alert)
{
    if (alert.name == "failure_rate")
        return html_percent(alert.value) + " of the last hour&#8217;s syncs failed";
    if (alert.name == "slow_sync")
        return "A sync took " + html_duration(alert.value);
    if (alert.name == "duplicate")
        return plural(static_cast<std::int64_t>(alert.value), "technician has", "technicians have") + " several rows";
    if (alert.name == "unique_violation")
        return plural(static_cast<std::int64_t>(alert.value), "sync", "syncs") + " met a unique violation";
    return html(alert.name);
}

std::string alerts_of(const DashboardData &data)
{
    std::string text = "<section class=\"card\"><h2>Open alerts</h2>";
    if (data.alerts.empty())
        return text + "<p class=\"quiet\">None. Every threshold holds.</p></section>";
    text += "<ul class=\"alerts\">";
    for (const DashboardAlert &alert : data.alerts)
        text += "<li><b>" + title_of(alert) + "</b>" +
                (alert.since.empty() ? "" : " <span class=\"quiet\">since " + html(alert.since) + "</span>") +
                "<p class=\"quiet\">" + html(alert.hint) + "</p></li>";
    return text + "</ul></section>";
}

// ---- requests

std::string meter_of(const DashboardSpending &spending)
{
    std::string text = std::string("<div class=\"meter\"><p><span>In the ") + spending.window + "</span><span>" +
                       html_count(spending.spent);
    if (spending.limit == 0)
        return text + " <span class=\"quiet\">&#183; no <code>" + spending.option + "</code></span></span></p></div>";
    const double share = std::min(1.0, static_cast<double>(spending.spent) / static_cast<double>(spending.limit));
    return text + " <span class=\"quiet\">of " + html_count(spending.limit) +
           "</span></span></p><div class=\"track\"><i" + (share > 0.9 ? " class=\"high\"" : "") +
           " style=\"width:" + html_decimal(share * 100, 1) + "%\"></i></div></div>";
}

std::string requests_of(const DashboardData &data)
{
    std::string text = "<section class=\"card\"><h2>Requests to Flex</h2><div class=\"meters\">";
    for (const DashboardSpending &spending : data.spending)
        text += meter_of(spending);
    return text + "</div></section>";
}

// ---- crews and runs

std::string crew_of(const std::string &department, const std::string &call_id)
{
    return (department.empty() ? "" : "<b>" + html(department) + "</b>") + "<span class=\"id\" title=\"" +
           html(call_id) + "\">" + html(call_id) + "</span>";
}

std::string crews_of(const DashboardData &data)
{
    std::string text = "<section class=\"card\"><h2>Busiest crews in 24 hours</h2>";
    if (data.crews.empty())
        return text + "<p class=\"empty\">No sync in the last 24 hours.</p></section>";
    const double largest = std::max<double>(1, static_cast<double>(data.crews.front().requests));
    text += "<div class=\"scroll\"><table><thead><tr><th scope=\"col\">Crew call</th><th scope=\"col\" "
            "class=\"number\">Requests</th><td class=\"share\"></td><th scope=\"col\" class=\"number\">Syncs</th><th "
            "scope=\"col\" class=\"number\">Failed</th>"
            "<th scope=\"col\" class=\"number\">Mean</th></tr></thead><tbody>";
    for (const DashboardCrew &crew : data.crews)
        text += "<tr><td class=\"crew\">" + crew_of(crew.department, crew.call_id) + "</td><td class=\"number\">" +
                html_count(crew.requests) + "</td><td class=\"share\"><i style=\"width:" +
                html_decimal(100 * static_cast<double>(crew.requests) / largest, 1) +
                "%\"></i></td><td class=\"number\">" + html_count(crew.syncs) + "</td><td class=\"number\">" +
                html_count(crew.failed) + "</td><td class=\"number\">" + html_duration(crew.mean_ms) + "</td></tr>";
    return text + "</tbody></table></div></section>";
}

const char *mark_of(const std::string &status)
{
    if (status == "ok")
        return "good";
    return status == "failed" || status == "partial" || status == "rolled_back" ? "bad" : "wait";
}

std::string changes_of(const DashboardRun &run)
{
    if (run.added == 0 && run.gone == 0)
        return std::string(none);
    std::string text = run.added > 0 ? "+" + html_count(run.added) : "";
    if (run.gone > 0)
        text += (text.empty() ? "&#8722;" : " &#8722;") + html_count(run.gone);
    return text;
}

std::string row_of(const DashboardRun &run)
{
    return "<tr><td class=\"time\">" + html(run.started) + "</td><td><span class=\"mark " + mark_of(run.status) +
           "\">" + html(run.status) + "</span></td><td class=\"crew\">" + crew_of(run.department, run.call_id) +
           "</td><td class=\"number\" data-label=\"changes\">" + changes_of(run) +
           "</td><td class=\"number\" data-label=\"requests\">" + html_count(run.requests) +
           "</td><td class=\"number\" data-label=\"took\">" + html_duration(run.duration_ms) +
           "</td><td class=\"said\">" + html(run.message) +
           (run.trouble.empty() ? "" : "<span class=\"trouble\">" + html(run.trouble) + "</span>") + "</td></tr>";
}

std::string runs_of(const DashboardData &data)
{
    std::string text = "<section class=\"card\"><h2>Recent runs</h2>";
    if (data.runs.empty())
        return text + "<p class=\"empty\">None yet. The first one: <code>SELECT * FROM flex_sync_crew(call_id)</code>, "
                      "or <code>CALL flex_sync_all()</code> for every crew call.</p></section>";
    text += "<table class=\"runs\"><thead><tr><th scope=\"col\">Began</th><th scope=\"col\">Status</th><th "
            "scope=\"col\">Crew call</th><th scope=\"col\" class=\"number\">Changes</th><th scope=\"col\" "
            "class=\"number\">Requests</th><th scope=\"col\" class=\"number\">Duration</th><th "
            "scope=\"col\">Message</th></tr></thead><tbody>";
    for (const DashboardRun &run : data.runs)
        text += row_of(run);
    return text + "</tbody></table></section>";
}

// ---- the page

std::string page_of(const DashboardData &data)
{
    const std::vector<Metric> metrics = metrics_of(data);
    std::string text =
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n<meta name=\"viewport\" "
        "content=\"width=device-width, initial-scale=1\"/>\n<meta name=\"robots\" "
        "content=\"noindex\"/>\n<link rel=\"icon\" href=\"data:,\"/>\n<title>flex_sync: " +
        verdict(data, metrics) + "</title>\n<style>";
    text += dashboard_style;
    text += "</style>\n</head>\n<body>\n<main>\n" + header_of(data, metrics) + "\n<div class=\"metrics\">";
    for (const Metric &metric : metrics)
        text += section_of(metric);
    text += "</div>\n<div class=\"pair\">" + alerts_of(data) + requests_of(data) + "</div>\n<div class=\"pair\">" +
            runs_chart(data.hours) + duration_chart(data.hours) + "</div>\n" + hours_table(data.hours) + "\n" +
            crews_of(data) + "\n" + runs_of(data) + "\n<footer>Times are in time zone " + html(data.time_zone) +
            ". More is in <code>flex_sync_log</code>, <code>flex_sync_health</code> and "
            "<code>flex_sync_alerts</code>.</footer>\n</main>\n</body>\n</html>\n";
    return text;
}

Datum dashboard(FunctionCallInfo fcinfo)
{
    const OwnTables own = find_own_tables(fcinfo);
    Statements statements;
    const std::string page = page_of(read_dashboard(statements, own));
    statements.finish();
    const char *const bytes = page.data();
    const int length = static_cast<int>(page.size());
    return call([&] { return PointerGetDatum(cstring_to_text_with_len(bytes, length)); });
}

} // namespace

} // namespace pg

FLEX_SYNC_FUNCTION(flex_sync_dashboard, pg::dashboard)
