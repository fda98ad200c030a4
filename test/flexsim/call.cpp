#include "call.hpp"

#include "text.hpp"

namespace flexsim {

namespace {

void route_line_item(Call &call, const std::vector<std::string> &parts)
{
    const bool is_row_data = parts.size() == 3 && parts[2] == "row-data";
    if (call.method == "DELETE" && parts.size() == 1) {
        call.kind = Kind::BulkDelete;
    } else if (call.method == "DELETE" && parts.size() == 2) {
        call.kind = Kind::Delete;
        call.line = parts[1];
    } else if (is_row_data && (call.method == "GET" || call.method == "POST")) {
        call.kind = call.method == "GET" ? Kind::List : Kind::Role;
        call.element = parts[1];
    } else if (call.method == "POST" && parts.size() == 4 && parts[2] == "add-resource") {
        call.kind = Kind::Add;
        call.element = parts[1];
        call.resource = parts[3];
    }
}

} // namespace

const Names<Kind> &kind_names()
{
    static const Names<Kind> names = {{"list", Kind::List},
                                      {"add", Kind::Add},
                                      {"role", Kind::Role},
                                      {"delete", Kind::Delete},
                                      {"bulk_delete", Kind::BulkDelete},
                                      {"other", Kind::Other}};
    return names;
}

std::string_view name_of(Kind kind)
{
    return name_of(kind_names(), kind);
}

std::string header_of(const Call &call, std::string_view name)
{
    for (const auto &[key, value] : call.headers)
        if (to_lower(key) == to_lower(std::string(name)))
            return value;
    return {};
}

void route(Call &call, std::string_view base)
{
    std::string_view rest = call.path;
    if (!rest.starts_with(base) || !rest.substr(base.size()).starts_with('/'))
        return;
    std::vector<std::string> parts = split(rest.substr(base.size() + 1), '/');
    for (std::string &part : parts)
        part = percent_decode(part);
    if (!parts.empty() && parts[0] == "line-item")
        route_line_item(call, parts);
}

} // namespace flexsim
