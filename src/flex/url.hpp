#pragma once
// URLs: what a server's base URL may be, and how ids become part of a path.

#include <optional>
#include <string>
#include <string_view>

namespace flex {

/// Why a text cannot be a server's base URL, as the end of a sentence; none if it can. Allowed are `https` for any host
/// and `http` for a loopback host, without credentials, query or fragment.
std::optional<std::string> why_not_base_url(const std::string &url);

/// Requests go to paths below a base URL, which may end in slashes.
std::string without_trailing_slashes(std::string_view url);

/// The Flex account behind a base URL, as its text: without slashes at its end, scheme and host in lower case. Requests
/// are limited by the account, whichever server they go through.
std::string account_url(std::string_view url);

/// Whether the URL's scheme is https, in any letter case.
bool is_https(std::string_view url);

/// True for "localhost", in any letter case, 127.0.0.0/8 and [::1], however it is written.
bool is_loopback_host(std::string_view host);

/// One segment of a path, percent-encoded (RFC 3986): all but unreserved characters, and the dots of "." and "..".
std::string path_segment(std::string_view text);

} // namespace flex
