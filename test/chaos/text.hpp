#pragma once
// Small text: ids as they compare, JSON and SQL literals, a clock.

#include <chrono>
#include <cstdio>
#include <optional>
#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>
#include <string>

namespace chaos {

using Json = rapidjson::Value;

inline std::string lower(std::string text)
{
    for (char &c : text)
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c - 'A' + 'a');
    return text;
}

inline std::string upper(std::string text)
{
    for (char &c : text)
        if (c >= 'a' && c <= 'z')
            c = static_cast<char>(c - 'a' + 'A');
    return text;
}

/// The form in which ids compare: UUIDs in lower case. Ids of ours that are no UUIDs are in lower case anyway.
inline std::string canonical(const std::string &id)
{
    return lower(id);
}

inline std::string quoted(const std::string &text)
{
    return '"' + text + '"';
}

/// A literal of SQL.
inline std::string sql(const std::optional<std::string> &value)
{
    return value ? '\'' + *value + '\'' : "NULL";
}

/// A member that is text, if it is there and not null.
inline std::optional<std::string> text_in(const Json &object, const char *name)
{
    const auto member = object.FindMember(name);
    if (member == object.MemberEnd() || !member->value.IsString())
        return std::nullopt;
    return std::string(member->value.GetString(), member->value.GetStringLength());
}

inline std::string json_text(const Json &value)
{
    rapidjson::StringBuffer buffer;
    rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
    value.Accept(writer);
    return buffer.GetString();
}

/// Milliseconds since 1970, as the simulator's log has them.
inline double now_ms()
{
    return std::chrono::duration<double, std::milli>(std::chrono::system_clock::now().time_since_epoch()).count();
}

inline std::string seconds(double ms)
{
    char text[32];
    std::snprintf(text, sizeof text, "%.3f", ms / 1000);
    return text;
}

} // namespace chaos
