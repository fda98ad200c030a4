#pragma once
// Text for an HTML page: escaped, and numbers as people read them. All of it is ASCII, whatever the database's
// encoding, and well-formed as XML too.

#include <cstdint>
#include <string>
#include <string_view>

namespace pg {

/// UTF-8 text with everything escaped that means something in HTML, and all that is not ASCII as a reference. What is
/// no text (control characters, broken UTF-8) becomes the replacement character.
std::string html(std::string_view utf8);

/// "12,345"; 0 or more.
std::string html_count(std::int64_t count);

/// "340 ms", "4.2 s", not to be broken
std::string html_duration(double milliseconds);

/// "0.4 %"
std::string html_percent(double fraction);

/// A number with at most so many decimals, without trailing zeros.
std::string html_decimal(double number, int decimals);

} // namespace pg
