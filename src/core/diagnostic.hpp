#pragma once
// A thing that a person should know about a sync: what did not succeed, or what was left alone and why.

#include <cstddef>
#include <optional>
#include <string>

namespace core {

/// An element of `flex_sync_result.diagnostics`. Ids are text as they came, in no particular kind: they are for
/// reading.
struct Diagnostic {
    std::string action;  ///< the planned action it is about, or "list"
    std::string code;    ///< a stable word, or a SQLSTATE
    std::string message; ///< one sentence
    std::optional<std::string> technician = {};
    std::optional<std::string> resource = {};
    std::optional<std::string> line = {};
    std::optional<int> http_status = {};
};

/// The most that a sync reports one by one; one more says how many others there are.
constexpr std::size_t max_diagnostics = 100;

} // namespace core
