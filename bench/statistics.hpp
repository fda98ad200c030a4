#pragma once
// What is told of many times of the same thing.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

namespace bench {

/// In the unit of what they were made of.
struct Times {
    double least, median, most;
};

inline Times times_of(std::vector<double> times)
{
    std::sort(times.begin(), times.end());
    return {times.front(), times[times.size() / 2], times.back()};
}

/// Milliseconds that the work takes.
template <typename Work> double time_of(Work &&work)
{
    const auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

inline std::string fixed(double value, int digits)
{
    char text[32];
    std::snprintf(text, sizeof text, "%.*f", digits, value);
    return text;
}

/// Two digits where there are few before the point, none where there are many.
inline std::string rounded(double value)
{
    return fixed(value, value < 100 ? 2 : value < 1000 ? 1 : 0);
}

inline std::string text_of(const Times &times)
{
    return rounded(times.median) + " (" + rounded(times.least) + " to " + rounded(times.most) + ")";
}

inline std::string judged(const std::string &target, bool is_met)
{
    return target + ": " + (is_met ? "met" : "**missed**");
}

} // namespace bench
