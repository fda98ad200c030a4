#pragma once
// A result that fits the caller under PostgREST: HTTP status and headers of the response.

#include <chrono>
#include <optional>
#include <string_view>

namespace pg {

/// True in a request of PostgREST: the setting `request.method` is there and not empty.
bool is_under_postgrest();

/// Sets `response.status` by the status of a sync, and for `deferred` `response.headers`, for the rest of the
/// transaction. Does nothing elsewhere.
void set_response(std::string_view status, bool timed_out, std::optional<std::chrono::milliseconds> retry_after);

} // namespace pg
