#pragma once
// RapidJSON as this project uses it: under a private name, never aborting, never recursing, UTF-8 checked.

#include <stdexcept>

#define RAPIDJSON_NAMESPACE flex_sync_rapidjson
#define RAPIDJSON_NAMESPACE_BEGIN namespace flex_sync_rapidjson {
#define RAPIDJSON_NAMESPACE_END }
#define RAPIDJSON_HAS_STDSTRING 1
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

} // namespace flex
