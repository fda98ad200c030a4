#pragma once
// RapidJSON as this project uses it: under a private name, never aborting, never recursing, UTF-8 checked.

#include <cstddef>
#include <stdexcept>
#include <string_view>

#define RAPIDJSON_NAMESPACE flex_sync_rapidjson
#define RAPIDJSON_NAMESPACE_BEGIN namespace flex_sync_rapidjson {
#define RAPIDJSON_NAMESPACE_END }
#define RAPIDJSON_HAS_STDSTRING 1
// Reads 16 bytes at once, also past the end of a text that is decoded in place.
#ifdef __SSE2__
#define RAPIDJSON_SSE2
#endif
// The default assert ends the process, and a backend that ends takes the whole cluster through a restart.
#define RAPIDJSON_ASSERT(condition)                                                                                    \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            throw std::logic_error("JSON value used against its type");                                                \
    } while (false)
// Those in a noexcept function cannot throw; RapidJSON names them apart.
#define RAPIDJSON_NOEXCEPT_ASSERT(condition) static_cast<void>(0)

#include <rapidjson/document.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

namespace flex {

namespace json = flex_sync_rapidjson;

/// The default parser recurses: two megabytes of "[" would be a crash. Numbers are of no interest to us.
constexpr unsigned parse_flags =
    json::kParseIterativeFlag | json::kParseValidateEncodingFlag | json::kParseNumbersAsStringsFlag;

/// What a text that is decoded in place needs behind its end.
constexpr std::size_t padding = 16;

/// The same in the text's own place, which must be UTF-8.
constexpr unsigned parse_flags_in_place =
    json::kParseIterativeFlag | json::kParseInsituFlag | json::kParseNumbersAsStringsFlag;

/// The same where a number must not pass for text.
constexpr unsigned parse_flags_with_numbers = json::kParseIterativeFlag | json::kParseValidateEncodingFlag;

/// The value of an object's member; null if it has none of that name. (RapidJSON's own way, a comparison of iterators,
/// is ambiguous in C++20.)
inline const json::Value *find_member(const json::Value &object, const char *name)
{
    const json::Value::ConstMemberIterator member = object.FindMember(name);
    return object.MemberEnd() - member == 0 ? nullptr : &member->value;
}

/// Why Postgres cannot hold a text that RapidJSON let through; null if it can. U+0000 is legal JSON, and of escaped
/// surrogates RapidJSON checks only those that begin with the first half.
inline const char *why_not_storable(std::string_view text)
{
    if (text.find('\0') != std::string_view::npos)
        return "the character U+0000";
    for (std::size_t i = text.find('\xED'); i != std::string_view::npos; i = text.find('\xED', i + 1))
        if (i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) >= 0xA0)
            return "half of a surrogate pair";
    return nullptr;
}

} // namespace flex
