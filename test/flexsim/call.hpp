#pragma once
// One request to the simulated API, and its answer.

#include <cstdint>
#include <optional>
#include <string>

#include "json.hpp"

namespace flexsim {

enum class Kind { List, Add, Role, Delete, BulkDelete, Other };
inline constexpr std::size_t kind_count = 6;

const Names<Kind> &kind_names();

/// The kind's name, which ends in a null byte.
std::string_view name_of(Kind kind);

struct Call {
    std::string method, path, query, body; ///< As received, undecoded.
    Headers headers;
    std::uint64_t connection = 0; ///< Numbers the connections from 1.
    bool is_kept = false;         ///< The connection carried an earlier request.
    int port = 0;                 ///< The client's.

    Kind kind = Kind::Other;
    std::string element, resource, line; ///< Decoded from the path; "" where it names none.
    bool has_token = false;              ///< It brings a token that is accepted.
};

/// The first value of a header of the call, in any letter case, or "".
std::string header_of(const Call &call, std::string_view name);

/// Sets kind, element, resource and line from method and path.
void route(Call &call, std::string_view base);

enum class Fate { Answered, Dropped, Hung };

/// Sends `bytes` of the body every `every_ms`.
struct Pace {
    std::size_t bytes = 0;
    int every_ms = 0;
};

struct Answer {
    Fate fate = Fate::Answered;
    int status = 200;
    Headers headers;
    std::string body;
    bool has_acted = false;

    std::size_t huge_body = 0; ///< A generated listing of this many bytes replaces the body.
    Pace pace;
    bool is_cut = false;     ///< Half of the body is sent, then the connection is closed.
    bool is_chunked = false; ///< Without Content-Length.
    bool may_compress = false;
    std::optional<int> close_idle_ms; ///< The connection is closed this long after the answer.
};

} // namespace flexsim
