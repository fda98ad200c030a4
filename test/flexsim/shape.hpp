#pragma once
// The shapes in which different Flex tenants are seen to answer.

#include <string>

#include "json.hpp"

namespace flexsim {

enum class RowShape { Flat, Nested, ResourceIdInResource };
enum class RoleShape { String, Id, Data, Hidden };
enum class Spelling { AsIs, Lower, Upper };
enum class AddShape { AddedResourceLineIds, Id, LineItemId, DataId, DataLineItemId, None };

struct Shape {
    RowShape row = RowShape::Flat;
    RoleShape role = RoleShape::String;
    Spelling ids = Spelling::AsIs;
    Spelling types = Spelling::AsIs;
    AddShape add = AddShape::AddedResourceLineIds;
};

/// Changes the members that the JSON object names. Throws BadRequest.
void read_shape(Shape &shape, const Json &object);

/// Writes the shape as an object that read_shape understands.
void write_shape(JsonWriter &writer, const Shape &shape);

std::string spell(Spelling spelling, const std::string &text);

/// Spells UUIDs only: other ids are case-sensitive text.
std::string spell_id(Spelling spelling, const std::string &id);

/// Flex's answer to an add that made line `id`.
std::string add_answer(AddShape shape, const std::string &id);

} // namespace flexsim
