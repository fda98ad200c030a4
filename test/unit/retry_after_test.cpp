// Both forms of the header Retry-After, and what is neither.

#include "flex/retry_after.hpp"

#include <gtest/gtest.h>

using flex::parse_retry_after;
using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::system_clock;

namespace {

constexpr milliseconds longest = std::chrono::hours(30 * 24);

// Sun, 06 Nov 1994 08:49:37 GMT, the date of RFC 9110's examples.
const system_clock::time_point rfc_date = system_clock::from_time_t(784111777);

std::optional<milliseconds> wait(const std::string &text)
{
    return parse_retry_after(text, rfc_date - 90s);
}

TEST(RetryAfter, seconds_are_a_wait)
{
    EXPECT_EQ(wait("120"), 120s);
    EXPECT_EQ(wait("1"), 1s);
    EXPECT_EQ(wait("007"), 7s);
}

TEST(RetryAfter, no_seconds_are_no_wait)
{
    EXPECT_EQ(wait("0"), 0s);
}

TEST(RetryAfter, a_date_is_a_wait_until_then)
{
    EXPECT_EQ(wait("Sun, 06 Nov 1994 08:49:37 GMT"), 90s);
}

TEST(RetryAfter, the_two_older_forms_of_a_date_are_understood)
{
    EXPECT_EQ(wait("Sunday, 06-Nov-94 08:49:37 GMT"), 90s);
    EXPECT_EQ(wait("Sun Nov  6 08:49:37 1994"), 90s);
}

TEST(RetryAfter, a_date_that_has_passed_is_no_wait)
{
    EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", rfc_date + 1s), 0s);
    EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", rfc_date), 0s);
    EXPECT_EQ(wait("Thu, 01 Jan 1970 00:00:00 GMT"), 0s);
}

TEST(RetryAfter, nobody_waits_for_more_than_thirty_days)
{
    EXPECT_EQ(wait("2592001"), longest);
    EXPECT_EQ(wait("9223372036854775807"), longest);
    EXPECT_EQ(wait("9223372036854775808"), longest);
    EXPECT_EQ(wait(std::string(1000, '9')), longest);
    EXPECT_EQ(wait("Fri, 31 Dec 9999 23:59:59 GMT"), longest);
}

TEST(RetryAfter, what_is_neither_is_none)
{
    for (const char *text :
         {"", "soon", "-5", "1.5", "12s", "0x10", "+3", "Sun, 99 Nov 1994 08:49:37 GMT", ",", "\x80"})
        EXPECT_EQ(wait(text), std::nullopt) << text;
}

} // namespace
