#include "flex/added_line.hpp"

#include "flex/json.hpp"

namespace flex {

namespace {

std::optional<core::LineItemId> id_in(const json::Value &value)
{
    if (!value.IsString() || value.GetStringLength() == 0)
        return std::nullopt;
    std::string id(value.GetString(), value.GetStringLength());
    if (why_not_storable(id))
        return std::nullopt;
    return core::LineItemId(std::move(id));
}

std::optional<core::LineItemId> id_at(const json::Value &object, const char *name)
{
    const auto member = object.FindMember(name);
    return member == object.MemberEnd() ? std::nullopt : id_in(member->value);
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
    const auto lines = answer.FindMember("addedResourceLineIds");
    if (lines != answer.MemberEnd() && lines->value.IsArray() && !lines->value.Empty())
        if (std::optional<core::LineItemId> id = id_in(lines->value[0]))
            return id;
    if (std::optional<core::LineItemId> id = id_in_object(answer))
        return id;
    const auto data = answer.FindMember("data");
    return data != answer.MemberEnd() && data->value.IsObject() ? id_in_object(data->value) : std::nullopt;
}

} // namespace flex
