#include "rows.hpp"

#include <algorithm>

namespace flexsim {

namespace {

void put_raw(JsonWriter &writer, const std::string &json)
{
    writer.RawValue(json.data(), json.size(), rapidjson::kObjectType);
}

void put_resource(JsonWriter &writer, const Line &line, const Shape &shape)
{
    if (!line.resource)
        return;
    const std::string resource = spell_id(shape.ids, *line.resource);
    if (shape.row == RowShape::Flat)
        return put(writer, "resourceId", resource);
    writer.Key("resource");
    writer.StartObject();
    put(writer, shape.row == RowShape::Nested ? "id" : "resourceId", resource);
    writer.EndObject();
}

void put_type(JsonWriter &writer, const Line &line, const View &view)
{
    std::optional<std::string> type = line.type;
    if (view.relabel && type == "contact")
        type = view.relabel->empty() ? std::nullopt : view.relabel;
    if (!type)
        return;
    const char *name = view.shape.row == RowShape::Flat ? "managedResourceLineItemType" : "type";
    put(writer, name, spell(view.shape.types, *type));
}

void put_role(JsonWriter &writer, const Line &line, const Shape &shape)
{
    if (shape.role == RoleShape::Hidden)
        return;
    if (!line.role)
        return put(writer, "business-role", line.role);
    const std::string role = spell_id(shape.ids, *line.role);
    if (shape.role == RoleShape::String)
        return put(writer, "business-role", role);
    writer.Key("business-role");
    writer.StartObject();
    put(writer, shape.role == RoleShape::Id ? "id" : "data", role);
    writer.EndObject();
}

void put_rows(JsonWriter &writer, const Lines &lines, const View &view);

void put_row(JsonWriter &writer, const Line &line, const View &view)
{
    if (line.raw)
        return put_raw(writer, *line.raw);
    writer.StartObject();
    put(writer, "id", spell_id(view.shape.ids, line.id));
    if (line.name)
        put(writer, "name", line.name);
    put_resource(writer, line, view.shape);
    put_type(writer, line, view);
    put_role(writer, line, view.shape);
    if (!line.children.empty()) {
        writer.Key("children");
        put_rows(writer, line.children, view);
    }
    writer.EndObject();
}

void put_rows(JsonWriter &writer, const Lines &lines, const View &view)
{
    writer.StartArray();
    int row = 0; // from 1
    for (const Line &line : lines) {
        if (line.hidden)
            continue;
        ++row;
        if ((!view.half || row % 2 == 1) && row != view.lost_row)
            put_row(writer, line, view);
    }
    writer.EndArray();
}

// A raw row's id, if it has one, lets API and control find the line.
void set_raw(Line &line, const Json &value)
{
    line.raw = json_text(value);
    const Json *id = find_member(value, "id");
    if (id != nullptr && id->IsString())
        line.id = as_text(*id);
}

const Setters<Line> line_setters = {
    {"id", [](Line &line, const Json &value) { line.id = as_text(value); }},
    {"resource", [](Line &line, const Json &value) { line.resource = as_optional_text(value); }},
    {"type", [](Line &line, const Json &value) { line.type = as_optional_text(value); }},
    {"role", [](Line &line, const Json &value) { line.role = as_optional_text(value); }},
    {"name", [](Line &line, const Json &value) { line.name = as_optional_text(value); }},
    {"hidden", [](Line &line, const Json &value) { line.hidden = as_bool(value); }},
    {"children", [](Line &line, const Json &value) { line.children = read_lines(value); }},
    {"raw", set_raw},
};

void dump_line(JsonWriter &writer, const Line &line)
{
    writer.StartObject();
    put(writer, "id", line.id);
    put(writer, "resource", line.resource);
    put(writer, "type", line.type);
    put(writer, "role", line.role);
    put(writer, "name", line.name);
    if (line.hidden)
        put(writer, "hidden", true);
    if (line.raw) {
        writer.Key("raw");
        put_raw(writer, *line.raw);
    }
    if (!line.children.empty()) {
        writer.Key("children");
        write_dump(writer, line.children);
    }
    writer.EndObject();
}

} // namespace

std::string write_listing(const Lines &lines, const View &view)
{
    return write_json([&](JsonWriter &writer) { put_rows(writer, lines, view); });
}

Line read_line(const Json &value)
{
    Line line;
    if (value.IsString()) {
        line.resource = as_text(value);
    } else {
        read_line_members(line, value);
    }
    return line;
}

Lines read_lines(const Json &value)
{
    if (!value.IsArray())
        throw BadRequest("an array of rows is wanted");
    Lines lines;
    for (const Json &row : value.GetArray())
        lines.push_back(read_line(row));
    return lines;
}

void read_line_members(Line &line, const Json &object)
{
    read_members(line, object, line_setters);
}

void write_dump(JsonWriter &writer, const Lines &lines)
{
    writer.StartArray();
    for (const Line &line : lines)
        dump_line(writer, line);
    writer.EndArray();
}

} // namespace flexsim
