#include "flex/added_line.hpp"

#include "flex/json.hpp"

namespace flex {

namespace {

std::optional<core::LineItemId> id_in(const json::Value &value)
{
    if (!value.IsString() || value.GetStringLength() == 0)
        return std::nullopt;
    std::string id(value.GetString(), value.GetStringLength());
    if (why_not_storable(id) || id.size() > core::max_id_bytes)
        return std::nullopt;
    return core::LineItemId(std::move(id));
}

std::optional<core::LineItemId> id_at(const json::Value &object, const char *name)
{
    const json::Value *const value = find_member(object, name);
    return value ? id_in(*value) : std::nullopt;
}

std::optional<core::LineItemId> id_in_object(const json::Value &object)
{
    for (const char *name : {"id", "lineItemId"})
        if (std::optional<core::LineItemId> id = id_at(object, name))
            return id;
    return std::nullopt;
}

} // namespace

std::optional<core::LineItemId> decode_added_line(std::string_view body)
{
    json::Document answer;
    answer.Parse<parse_flags_with_numbers>(body.data(), body.size());
    if (answer.HasParseError() || !answer.IsObject())
        return std::nullopt;
    const json::Value *const lines = find_member(answer, "addedResourceLineIds");
    if (lines && lines->IsArray() && !lines->Empty())
        if (std::optional<core::LineItemId> id = id_in((*lines)[0]))
            return id;
    if (std::optional<core::LineItemId> id = id_in_object(answer))
        return id;
    const json::Value *const data = find_member(answer, "data");
    return data && data->IsObject() ? id_in_object(*data) : std::nullopt;
}

} // namespace flex
