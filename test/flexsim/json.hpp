#pragma once
// RapidJSON as the simulator uses it: checked reading, and writing to a string.

#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#define RAPIDJSON_HAS_STDSTRING 1
#define RAPIDJSON_ASSERT(claim) ((claim) ? static_cast<void>(0) : throw std::logic_error("RapidJSON: " #claim))

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

namespace flexsim {

using Json = rapidjson::Value;
using JsonWriter = rapidjson::Writer<rapidjson::StringBuffer>;
using Headers = std::vector<std::pair<std::string, std::string>>;

/// What the sender got wrong; the control interface answers it with status 400.
struct BadRequest : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Parses a whole text; an empty one counts as `{}`. Throws BadRequest.
rapidjson::Document parse_json(std::string_view text);

/// Member `name` of an object, or nullptr when it is absent or `value` is no object.
const Json *find_member(const Json &value, std::string_view name);

/// The checked readings throw BadRequest when the value is of another kind. Numbers may also be
/// written as strings, and a claim as a number, because a script's values are often that.
std::string as_text(const Json &value);
std::optional<std::string> as_optional_text(const Json &value);
int as_int(const Json &value);
std::size_t as_size(const Json &value);
bool as_bool(const Json &value);
Headers as_headers(const Json &value);

/// The JSON text of a value.
std::string json_text(const Json &value);

/// The JSON text that `fill(writer)` writes.
template <class Fill> std::string write_json(Fill fill)
{
    rapidjson::StringBuffer buffer;
    JsonWriter writer(buffer);
    fill(writer);
    return {buffer.GetString(), buffer.GetSize()};
}

void put(JsonWriter &writer, const char *name, std::string_view value);
void put(JsonWriter &writer, const char *name, const std::string &value);
void put(JsonWriter &writer, const char *name, const char *value);
void put(JsonWriter &writer, const char *name, const std::optional<std::string> &value);
void put(JsonWriter &writer, const char *name, std::size_t value);
void put(JsonWriter &writer, const char *name, int value);
void put(JsonWriter &writer, const char *name, bool value);

/// How each member of an object changes a T.
template <class T> using Setters = std::map<std::string_view, void (*)(T &, const Json &)>;

/// Applies every member of `object` to `target`. Throws BadRequest for a member without a setter.
template <class T> void read_members(T &target, const Json &object, const Setters<T> &setters)
{
    if (!object.IsObject())
        throw BadRequest("a JSON object is wanted");
    for (const auto &member : object.GetObject()) {
        const std::string_view name(member.name.GetString(), member.name.GetStringLength());
        const auto setter = setters.find(name);
        if (setter == setters.end())
            throw BadRequest("unknown member \"" + std::string(name) + "\"");
        setter->second(target, member.value);
    }
}

/// One name for each enumerator.
template <class E> using Names = std::vector<std::pair<std::string_view, E>>;

/// The enumerator that a JSON string names. Throws BadRequest, listing the names there are.
template <class E> E as_enum(const Names<E> &names, const Json &value)
{
    const std::string text = as_text(value);
    std::string known;
    for (const auto &[name, enumerator] : names) {
        if (name == text)
            return enumerator;
        known += (known.empty() ? "" : ", ") + std::string(name);
    }
    throw BadRequest("\"" + text + "\" is none of: " + known);
}

template <class E> std::string_view name_of(const Names<E> &names, E wanted)
{
    for (const auto &[name, enumerator] : names)
        if (enumerator == wanted)
            return name;
    return {};
}

} // namespace flexsim
