#include "json.hpp"

#include <charconv>

namespace flexsim {

rapidjson::Document parse_json(std::string_view text)
{
    rapidjson::Document document;
    if (text.find_first_not_of(" \t\r\n") == text.npos) {
        document.SetObject();
        return document;
    }
    document.Parse<rapidjson::kParseIterativeFlag>(text.data(), text.size());
    if (document.HasParseError())
        throw BadRequest("malformed JSON at offset " + std::to_string(document.GetErrorOffset()));
    return document;
}

const Json *find_member(const Json &value, std::string_view name)
{
    if (!value.IsObject())
        return nullptr;
    const auto found = value.FindMember(Json(name.data(), static_cast<rapidjson::SizeType>(name.size())));
    return found == value.MemberEnd() ? nullptr : &found->value;
}

std::string as_text(const Json &value)
{
    if (!value.IsString())
        throw BadRequest("a string is wanted instead of " + json_text(value));
    return {value.GetString(), value.GetStringLength()};
}

std::optional<std::string> as_optional_text(const Json &value)
{
    if (value.IsNull())
        return std::nullopt;
    return as_text(value);
}

std::size_t as_size(const Json &value)
{
    if (value.IsUint64())
        return value.GetUint64();
    if (value.IsString()) {
        const std::string text = as_text(value);
        std::size_t number = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error == std::errc() && end == text.data() + text.size())
            return number;
    }
    throw BadRequest("a number of at least 0 is wanted instead of " + json_text(value));
}

int as_int(const Json &value)
{
    const std::size_t number = as_size(value);
    if (number > 2'000'000'000)
        throw BadRequest("number out of range: " + json_text(value));
    return static_cast<int>(number);
}

bool as_bool(const Json &value)
{
    if (value.IsBool())
        return value.GetBool();
    return as_size(value) != 0;
}

Headers as_headers(const Json &value)
{
    if (!value.IsObject())
        throw BadRequest("an object of headers is wanted");
    Headers headers;
    for (const auto &member : value.GetObject())
        headers.emplace_back(as_text(member.name), as_text(member.value));
    return headers;
}

std::string json_text(const Json &value)
{
    return write_json([&](JsonWriter &writer) { value.Accept(writer); });
}

void put(JsonWriter &writer, const char *name, std::string_view value)
{
    writer.Key(name);
    writer.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
}

void put(JsonWriter &writer, const char *name, const std::string &value)
{
    put(writer, name, std::string_view(value));
}

void put(JsonWriter &writer, const char *name, const char *value)
{
    put(writer, name, std::string_view(value));
}

void put(JsonWriter &writer, const char *name, const std::optional<std::string> &value)
{
    if (value)
        return put(writer, name, std::string_view(*value));
    writer.Key(name);
    writer.Null();
}

void put(JsonWriter &writer, const char *name, std::size_t value)
{
    writer.Key(name);
    writer.Uint64(value);
}

void put(JsonWriter &writer, const char *name, int value)
{
    writer.Key(name);
    writer.Int(value);
}

void put(JsonWriter &writer, const char *name, bool value)
{
    writer.Key(name);
    writer.Bool(value);
}

} // namespace flexsim
