#include "flex/retry_after.hpp"

#include <algorithm>
#include <charconv>
#include <curl/curl.h>

namespace flex {

namespace {

/// Nobody means more than this; it keeps the arithmetic from overflowing.
constexpr long longest_wait_s = 30L * 24 * 60 * 60;

} // namespace

std::optional<std::chrono::milliseconds> parse_retry_after(const std::string &text,
                                                           std::chrono::system_clock::time_point now)
{
    using std::chrono::seconds;
    if (text.empty())
        return std::nullopt;
    if (text.find_first_not_of("0123456789") == std::string::npos) {
        long value = 0;
        const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
        return seconds(parsed.ec == std::errc() ? std::min(value, longest_wait_s) : longest_wait_s);
    }
    const time_t date = curl_getdate(text.c_str(), nullptr);
    if (date < 0)
        return std::nullopt;
    const long wait = static_cast<long>(date) - static_cast<long>(std::chrono::system_clock::to_time_t(now));
    return seconds(std::clamp(wait, 0L, longest_wait_s));
}

} // namespace flex
