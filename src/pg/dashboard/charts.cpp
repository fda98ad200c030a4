#include "pg/dashboard/charts.hpp"

#include "pg/dashboard/html.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

namespace pg {

namespace {

// A drawing is as many units wide as there are hours, and 100 high.
constexpr double height = 100;
constexpr double target_ms = 5000;

std::string number(double value)
{
    return html_decimal(value, 2);
}

std::string at_percent(const char *side, double percent)
{
    return std::string(" style=\"") + side + ":" + number(percent) + "%\"";
}

/// An axis from 0 to a round number, with a few round ticks.
struct Axis {
    double step;
    double end;

    /// `smallest_step`: 1 for what is counted.
    static Axis up_to(double largest, double smallest_step)
    {
        double step = std::max(smallest_step, std::pow(10, std::floor(std::log10(std::max(largest, 1e-9)))) / 10);
        for (const double factor : {2.0, 2.5, 2.0, 2.0, 2.5, 2.0}) {
            if (largest <= 4 * step)
                break;
            step *= factor;
        }
        return {step, step * std::max(1.0, std::ceil(largest / step))};
    }

    double share(double value) const { return height * value / end; }
};

std::string hour_labels(std::span<const DashboardHour> hours)
{
    std::string labels = "<div class=\"x\" aria-hidden=\"true\">";
    for (std::size_t i = 0; i < hours.size(); ++i) {
        const std::size_t from_end = hours.size() - 1 - i;
        if (from_end % 3 != 0)
            continue;
        labels += std::string("<span") + (from_end % 6 == 0 ? "" : " class=\"wide\"") +
                  at_percent("left", 100 * (static_cast<double>(i) + 0.5) / static_cast<double>(hours.size())) + ">" +
                  html(hours[i].begin) + "</span>";
    }
    return labels + "</div>";
}

/// An invisible column over each hour that tells its numbers when it is pointed at.
std::string pointers(std::span<const DashboardHour> hours,
                     const std::function<std::string(const DashboardHour &)> &numbers)
{
    std::string columns;
    for (std::size_t i = 0; i < hours.size(); ++i)
        columns += "<rect class=\"pointer\" x=\"" + std::to_string(i) +
                   "\" y=\"0\" width=\"1\" height=\"100\"><title>" + html(hours[i].begin) + ": " + numbers(hours[i]) +
                   "</title></rect>";
    return columns;
}

/// The frame around a drawing: ticks with their labels, the hours below.
std::string plot(std::span<const DashboardHour> hours, const Axis &axis, const std::string &unit,
                 const std::string &label, const std::string &drawing, const std::string &overlay = "")
{
    std::string ticks;
    std::string lines;
    for (double tick = 0; tick <= axis.end * 1.001; tick += axis.step) {
        ticks += "<span" + at_percent("bottom", axis.share(tick)) + ">" + html_decimal(tick, 1) + unit + "</span>";
        const std::string y = number(height - axis.share(tick));
        lines += "<line class=\"grid\" x1=\"0\" x2=\"" + std::to_string(hours.size()) + "\" y1=\"" + y + "\" y2=\"" +
                 y + "\"/>";
    }
    return "<div class=\"plot\"><div class=\"y\" aria-hidden=\"true\">" + ticks +
           "</div><div class=\"area\"><svg viewBox=\"0 0 " + std::to_string(hours.size()) +
           " 100\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"" + label + "\">" + lines + drawing +
           "</svg>" + overlay + "</div>" + hour_labels(hours) + "</div>";
}

std::int64_t runs_of(const DashboardHour &hour)
{
    return hour.ok + hour.failed + hour.other;
}

/// A part of an hour's bar, on top of what is there; what is not nothing can be seen.
std::string bar(std::size_t hour, const char *kind, double share, double &top)
{
    if (share <= 0)
        return "";
    share = std::max(share, 2.5);
    top -= share;
    return std::string("<rect class=\"bar ") + kind + "\" x=\"" + number(static_cast<double>(hour) + 0.14) +
           "\" width=\"0.72\" y=\"" + number(top) + "\" height=\"" + number(share) + "\"/>";
}

/// A line through the hours that have a value, broken where one has none, with a dot for each.
std::string line(std::span<const DashboardHour> hours, const char *kind, const Axis &axis,
                 std::optional<double> DashboardHour::*value)
{
    std::string path;
    std::string dots;
    bool is_broken = true;
    for (std::size_t i = 0; i < hours.size(); ++i) {
        const std::optional<double> ms = hours[i].*value;
        if (ms) {
            const std::string point =
                number(static_cast<double>(i) + 0.5) + " " + number(height - axis.share(*ms / 1000));
            path += (is_broken ? "M" : "L") + point;
            dots += "M" + point + "h0";
        }
        is_broken = !ms;
    }
    return std::string("<path class=\"line ") + kind + "\" d=\"" + path + "\"/><path class=\"dots " + kind + "\" d=\"" +
           dots + "\"/>";
}

std::string legend(const char *kind, const char *text)
{
    return std::string("<span class=\"key\"><i class=\"") + kind + "\"></i>" + text + "</span>";
}

std::string figure(const char *title, const std::string &legends, const std::string &body)
{
    return std::string("<figure class=\"card chart\"><figcaption><h2>") + title + "</h2><p class=\"legend\">" +
           legends + "</p></figcaption>" + body + "</figure>";
}

bool is_empty(std::span<const DashboardHour> hours)
{
    return std::all_of(hours.begin(), hours.end(), [](const DashboardHour &hour) { return runs_of(hour) == 0; });
}

const std::string no_runs = "<p class=\"empty\">No sync in the last 24 hours.</p>";

std::string duration_or_none(const std::optional<double> &ms)
{
    return ms ? html_duration(*ms) : "&#8211;";
}

} // namespace

std::string runs_chart(std::span<const DashboardHour> hours)
{
    const std::string legends =
        legend("ok", "ok") + legend("other", "blocked or deferred") + legend("failed", "failed or partial");
    if (is_empty(hours))
        return figure("Syncs by hour", legends, no_runs);
    double largest = 0;
    for (const DashboardHour &hour : hours)
        largest = std::max(largest, static_cast<double>(runs_of(hour)));
    const Axis axis = Axis::up_to(largest, 1);
    std::string bars;
    for (std::size_t i = 0; i < hours.size(); ++i) {
        double top = height;
        bars += bar(i, "ok", axis.share(static_cast<double>(hours[i].ok)), top);
        bars += bar(i, "other", axis.share(static_cast<double>(hours[i].other)), top);
        bars += bar(i, "failed", axis.share(static_cast<double>(hours[i].failed)), top);
    }
    bars += pointers(hours, [](const DashboardHour &hour) {
        return html_count(hour.ok) + " ok, " + html_count(hour.other) + " blocked or deferred, " +
               html_count(hour.failed) + " failed or partial";
    });
    return figure("Syncs by hour", legends, plot(hours, axis, "", "Syncs by hour over the last 24 hours", bars));
}

std::string duration_chart(std::span<const DashboardHour> hours)
{
    const std::string legends =
        legend("median", "median") + legend("p95", "95th percentile") + legend("target", "target: 5 s");
    if (is_empty(hours))
        return figure("Duration of a sync", legends, no_runs);
    double largest = 1.1 * target_ms;
    for (const DashboardHour &hour : hours)
        largest = std::max(largest, hour.p95_ms.value_or(0));
    const Axis axis = Axis::up_to(largest / 1000, 0.5);
    const std::string y = number(height - axis.share(target_ms / 1000));
    const std::string target = "<line class=\"target\" x1=\"0\" x2=\"" + std::to_string(hours.size()) + "\" y1=\"" + y +
                               "\" y2=\"" + y + "\"/>";
    const std::string drawing =
        target + line(hours, "p95", axis, &DashboardHour::p95_ms) +
        line(hours, "median", axis, &DashboardHour::median_ms) + pointers(hours, [](const DashboardHour &hour) {
            return "median " + duration_or_none(hour.median_ms) + ", 95th percentile " + duration_or_none(hour.p95_ms);
        });
    return figure(
        "Duration of a sync", legends,
        plot(hours, axis, " s", "Median and 95th percentile of the duration by hour, with the target of 5 s", drawing));
}

std::string hours_table(std::span<const DashboardHour> hours)
{
    std::string rows;
    for (auto hour = hours.rbegin(); hour != hours.rend(); ++hour)
        if (runs_of(*hour) > 0)
            rows += "<tr><th scope=\"row\">" + html(hour->begin) + "</th><td>" + html_count(hour->ok) + "</td><td>" +
                    html_count(hour->other) + "</td><td>" + html_count(hour->failed) + "</td><td>" +
                    duration_or_none(hour->median_ms) + "</td><td>" + duration_or_none(hour->p95_ms) + "</td></tr>";
    if (rows.empty())
        return "";
    return "<details class=\"card\"><summary>The numbers by hour</summary><div class=\"scroll\"><table "
           "class=\"numbers\"><thead><tr>"
           "<th scope=\"col\">Hour</th><th scope=\"col\">ok</th><th scope=\"col\">blocked, deferred</th>"
           "<th scope=\"col\">failed, partial</th><th scope=\"col\">median</th><th scope=\"col\">95th percentile</th>"
           "</tr></thead><tbody>" +
           rows + "</tbody></table></div></details>";
}

} // namespace pg
