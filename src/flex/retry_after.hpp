#pragma once
// The header Retry-After (RFC 9110, 10.2.3): seconds, or an HTTP date.

#include <chrono>
#include <optional>
#include <string>

namespace flex {

/// How long to wait from `now` on; none if the text is neither form. A date that has passed is no wait.
std::optional<std::chrono::milliseconds> parse_retry_after(const std::string &text,
                                                           std::chrono::system_clock::time_point now);

} // namespace flex
