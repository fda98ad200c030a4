// Whether a request is sent again, and when.

#include "flex/repeat.hpp"

#include <gtest/gtest.h>

using core::Answer;
using core::Outcome;
using flex::Repeatability;
using flex::Repeats;
using std::chrono::milliseconds;
using namespace std::chrono_literals;

namespace {

Answer answer(Outcome outcome, const char *code = "http_status")
{
    return {.outcome = outcome, .code = code};
}

bool is_repeated(const Answer &it, Repeatability repeatability)
{
    return Repeats(3).pause(it, repeatability, 1).has_value();
}

TEST(Repeat, what_is_idempotent_is_repeated_where_it_may_get_better)
{
    for (const Outcome outcome : {Outcome::RefusedForNow, Outcome::NothingDone, Outcome::Unknown})
        EXPECT_TRUE(is_repeated(answer(outcome), Repeatability::Idempotent));
    for (const Outcome outcome : {Outcome::Done, Outcome::Refused, Outcome::NotSent})
        EXPECT_FALSE(is_repeated(answer(outcome), Repeatability::Idempotent));
}

TEST(Repeat, an_add_is_repeated_only_where_nothing_was_done)
{
    for (const Outcome outcome : {Outcome::RefusedForNow, Outcome::NothingDone})
        EXPECT_TRUE(is_repeated(answer(outcome), Repeatability::OnlyUndone));
    for (const Outcome outcome : {Outcome::Done, Outcome::Refused, Outcome::NotSent, Outcome::Unknown})
        EXPECT_FALSE(is_repeated(answer(outcome), Repeatability::OnlyUndone));
}

TEST(Repeat, what_will_not_be_better_next_time_is_not_repeated)
{
    for (const char *code : {"tls", "redirect", "too_large"})
        for (const Outcome outcome : {Outcome::NothingDone, Outcome::Unknown})
            EXPECT_FALSE(is_repeated(answer(outcome, code), Repeatability::Idempotent)) << code;
}

TEST(Repeat, there_are_so_many_repeats_and_no_more)
{
    Repeats repeats(2);
    const Answer it = answer(Outcome::Unknown);
    EXPECT_TRUE(repeats.pause(it, Repeatability::Idempotent, 1));
    EXPECT_TRUE(repeats.pause(it, Repeatability::Idempotent, 2));
    EXPECT_FALSE(repeats.pause(it, Repeatability::Idempotent, 3));
    EXPECT_EQ(repeats.count(), 2);
    repeats.take_back();
    EXPECT_EQ(repeats.count(), 1);
    EXPECT_FALSE(Repeats(0).pause(it, Repeatability::Idempotent, 1));
}

TEST(Repeat, a_pause_is_drawn_from_a_range_that_doubles)
{
    Repeats repeats(100);
    const Answer it = answer(Outcome::Unknown);
    for (const auto &[tries, bound] : {std::pair(1, 100ms), std::pair(2, 200ms), std::pair(4, 800ms),
                                       std::pair(7, 6400ms), std::pair(8, 10000ms), std::pair(40, 10000ms)}) {
        milliseconds longest{0}, sum{0};
        for (int i = 0; i < 1000; ++i) {
            const milliseconds pause = *repeats.pause(it, Repeatability::Idempotent, tries);
            ASSERT_GE(pause, 0ms);
            ASSERT_LE(pause, bound);
            longest = std::max(longest, pause);
            sum += pause;
        }
        // That none of a thousand draws is in the upper tenth, or their mean is so far off, does not happen.
        EXPECT_GT(longest, bound * 9 / 10) << tries;
        EXPECT_NEAR(static_cast<double>(sum.count()) / 1000, static_cast<double>(bound.count()) / 2,
                    static_cast<double>(bound.count()) / 15)
            << tries;
    }
}

TEST(Repeat, flexs_own_word_for_it_goes_before)
{
    Answer it = answer(Outcome::RefusedForNow, "rate_limited");
    it.retry_after = 120s;
    EXPECT_EQ(Repeats(3).pause(it, Repeatability::OnlyUndone, 1), 120s);
    it.retry_after = 0s;
    EXPECT_EQ(Repeats(3).pause(it, Repeatability::OnlyUndone, 3), 0s);
}

} // namespace
