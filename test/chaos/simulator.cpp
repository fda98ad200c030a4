#include "simulator.hpp"

#include <algorithm>
#include <sstream>

namespace chaos {

namespace {

void collect(const Json &rows, std::vector<Line> &lines)
{
    for (const Json &row : rows.GetArray()) {
        lines.push_back({.id = text_in(row, "id").value_or(""),
                         .resource = text_in(row, "resource"),
                         .type = text_in(row, "type"),
                         .role = text_in(row, "role"),
                         .is_hidden = row.HasMember("hidden") && row["hidden"].GetBool()});
        if (row.HasMember("children"))
            collect(row["children"], lines);
    }
}

/// The lines that a deletion names, in the path or in a form.
std::vector<std::string> lines_in(const Json &entry)
{
    std::vector<std::string> lines;
    if (*entry["line"].GetString())
        lines.push_back(canonical(entry["line"].GetString()));
    if (std::string_view(entry["kind"].GetString()) != "bulk_delete")
        return lines;
    std::stringstream form(entry["body"].GetString());
    for (std::string field; std::getline(form, field, '&');)
        lines.push_back(canonical(field.substr(field.find('=') + 1)));
    return lines;
}

} // namespace

std::string Line::text() const
{
    return id + " " + type.value_or("(no type)") + " of " + resource.value_or("(none)") + ", role " +
           role.value_or("(none)") + (is_hidden ? ", hidden" : "");
}

std::vector<Line> Simulator::lines(const std::string &element)
{
    std::vector<Line> lines;
    collect(get("dump?element=" + element), lines);
    return lines;
}

std::vector<Request> Simulator::log()
{
    std::vector<Request> requests;
    const auto log = get("log");
    for (const Json &entry : log.GetArray()) {
        const Json &status = entry["status"];
        const double began = entry["started_ms"].GetDouble();
        Request request{.began_ms = began,
                        .ended_ms = began + entry["duration_ms"].GetDouble(),
                        .kind = entry["kind"].GetString(),
                        .element = canonical(entry["element"].GetString()),
                        .resource = canonical(entry["resource"].GetString()),
                        .token = text_in(entry["headers"], "X-Auth-Token").value_or(""),
                        .lines = lines_in(entry),
                        .status = status.IsString() ? status.GetString() : std::to_string(status.GetInt()),
                        .has_acted = entry["acted"].GetBool()};
        if (request.kind != "other")
            requests.push_back(std::move(request));
    }
    std::stable_sort(requests.begin(), requests.end(),
                     [](const Request &a, const Request &b) { return a.began_ms < b.began_ms; });
    return requests;
}

} // namespace chaos
