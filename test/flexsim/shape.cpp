#include "shape.hpp"

#include "text.hpp"

namespace flexsim {

namespace {

const Names<RowShape> row_shapes = {{"flat", RowShape::Flat},
                                    {"nested", RowShape::Nested},
                                    {"resource_id_in_resource", RowShape::ResourceIdInResource}};
const Names<RoleShape> role_shapes = {
    {"string", RoleShape::String}, {"id", RoleShape::Id}, {"data", RoleShape::Data}, {"hidden", RoleShape::Hidden}};
const Names<Spelling> spellings = {{"as_is", Spelling::AsIs}, {"lower", Spelling::Lower}, {"upper", Spelling::Upper}};
const Names<AddShape> add_shapes = {{"addedResourceLineIds", AddShape::AddedResourceLineIds},
                                    {"id", AddShape::Id},
                                    {"lineItemId", AddShape::LineItemId},
                                    {"data.id", AddShape::DataId},
                                    {"data.lineItemId", AddShape::DataLineItemId},
                                    {"none", AddShape::None}};

const Setters<Shape> setters = {
    {"row", [](Shape &shape, const Json &value) { shape.row = as_enum(row_shapes, value); }},
    {"role", [](Shape &shape, const Json &value) { shape.role = as_enum(role_shapes, value); }},
    {"ids", [](Shape &shape, const Json &value) { shape.ids = as_enum(spellings, value); }},
    {"types", [](Shape &shape, const Json &value) { shape.types = as_enum(spellings, value); }},
    {"add", [](Shape &shape, const Json &value) { shape.add = as_enum(add_shapes, value); }},
};

void put_usual_answer(JsonWriter &writer, const std::string &id)
{
    writer.Key("addedResourceLineIds");
    writer.StartArray();
    writer.String(id);
    writer.EndArray();
    writer.Key("affectedRootLineIds");
    writer.StartArray();
    writer.EndArray();
    put(writer, "addedNoteLineId", std::nullopt);
    writer.Key("nonRootClonedLineIds");
    writer.StartArray();
    writer.EndArray();
}

void put_in_data(JsonWriter &writer, const char *name, const std::string &id)
{
    writer.Key("data");
    writer.StartObject();
    put(writer, name, id);
    writer.EndObject();
}

void put_added_id(JsonWriter &writer, AddShape shape, const std::string &id)
{
    switch (shape) {
    case AddShape::AddedResourceLineIds:
        return put_usual_answer(writer, id);
    case AddShape::Id:
        return put(writer, "id", id);
    case AddShape::LineItemId:
        return put(writer, "lineItemId", id);
    case AddShape::DataId:
        return put_in_data(writer, "id", id);
    case AddShape::DataLineItemId:
        return put_in_data(writer, "lineItemId", id);
    case AddShape::None:
        return put(writer, "success", true);
    }
}

} // namespace

void read_shape(Shape &shape, const Json &object)
{
    read_members(shape, object, setters);
}

void write_shape(JsonWriter &writer, const Shape &shape)
{
    writer.StartObject();
    put(writer, "row", name_of(row_shapes, shape.row));
    put(writer, "role", name_of(role_shapes, shape.role));
    put(writer, "ids", name_of(spellings, shape.ids));
    put(writer, "types", name_of(spellings, shape.types));
    put(writer, "add", name_of(add_shapes, shape.add));
    writer.EndObject();
}

std::string spell(Spelling spelling, const std::string &text)
{
    if (spelling == Spelling::AsIs)
        return text;
    return spelling == Spelling::Lower ? to_lower(text) : to_upper(text);
}

std::string spell_id(Spelling spelling, const std::string &id)
{
    return is_uuid(id) ? spell(spelling, id) : id;
}

std::string add_answer(AddShape shape, const std::string &id)
{
    return write_json([&](JsonWriter &writer) {
        writer.StartObject();
        put_added_id(writer, shape, id);
        writer.EndObject();
    });
}

} // namespace flexsim
