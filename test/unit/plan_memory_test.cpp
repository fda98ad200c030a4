// What is remembered of lines, and how it bears on a plan.

#include "crew_builder.hpp"

#include <gtest/gtest.h>

using core::Prune;
using core::Reason;
using namespace std::chrono_literals;
using unit::Lists;
using unit::notes;
using unit::reasons;
using unit::steps;
using unit::Words;

namespace {

TEST(Plan, a_line_that_still_shows_what_it_showed_counts_as_the_resource_asked_for)
{
    const Lists lists = Lists().desires("ann", "r1").has_row("ann", "l1").shows("l1", "R-1").knows("l1", "r1", "R-1");
    EXPECT_EQ(steps(lists), Words{"keep ann l1"});
    EXPECT_EQ(notes(lists), Words{"resource_differs"});
}

TEST(Plan, a_line_that_was_never_shown_counts_as_the_resource_asked_for_when_it_shows)
{
    EXPECT_EQ(steps(Lists().desires("ann", "r1").has_row("ann", "l1").shows("l1", "R-1").knows_unshown("l1", "r1", 1h)),
              Words{"keep ann l1"});
}

TEST(Plan, a_line_whose_resource_was_changed_by_hand_counts_as_what_it_shows)
{
    EXPECT_EQ(steps(Lists().desires("ann", "r1").has_row("ann", "l1").shows("l1", "r2").knows("l1", "r1")),
              (Words{"remove ann l1", "add ann r1"}));
}

TEST(Plan, a_line_whose_resource_was_taken_away_by_hand_still_serves_its_technician)
{
    EXPECT_EQ(steps(Lists().desires("ann", "r1").has_row("ann", "l1").shows("l1", "").knows("l1", "r1")),
              Words{"keep ann l1"});
}

TEST(Plan, a_line_that_never_showed_a_resource_counts_as_the_one_asked_for)
{
    const Lists lists = Lists().shows("l1", "").knows("l1", "r1", "");
    EXPECT_EQ(steps(Lists(lists).desires("ann", "r1")), Words{"adopt ann l1"});
    EXPECT_EQ(steps(Lists(lists).desires("ann", "r2").has_row("ann", "l1")), (Words{"remove ann l1", "add ann r2"}));
}

TEST(Plan, a_contact_that_flex_accepted_and_never_showed_is_not_gone)
{
    const Lists lists = Lists().desires("ann", "r1", "foh").has_row("ann", "l1").knows_unshown("l1", "r1", 59s);
    EXPECT_EQ(steps(lists), Words{"keep ann l1"});
    EXPECT_EQ(reasons(lists), std::vector{Reason::NotShownYet});
}

TEST(Plan, a_contact_that_flex_accepted_is_not_added_again_though_its_row_is_lost)
{
    EXPECT_EQ(steps(Lists().desires("ann", "r1").knows_unshown("l1", "r1", 1s)), Words{"adopt ann l1"});
}

TEST(Plan, a_contact_that_was_never_shown_is_added_again_after_a_minute_then_two_up_to_a_day)
{
    const auto is_added = [](std::chrono::milliseconds age, int tries) {
        const Words words =
            steps(Lists().desires("ann", "r1").has_row("ann", "l1").knows_unshown("l1", "r1", age, tries));
        return words == Words{"forget ann l1", "add ann r1"};
    };
    EXPECT_TRUE(is_added(1min, 1));
    EXPECT_FALSE(is_added(119s, 2));
    EXPECT_TRUE(is_added(2min, 2));
    EXPECT_FALSE(is_added(1023min, 11));
    EXPECT_TRUE(is_added(1024min, 11));
    EXPECT_FALSE(is_added(1439min, 12));
    EXPECT_TRUE(is_added(24h, 12));
    EXPECT_TRUE(is_added(24h, 1000));
}

TEST(Plan, a_line_that_was_shown_once_and_is_not_any_more_is_gone)
{
    EXPECT_EQ(steps(Lists().desires("ann", "r1").has_row("ann", "l1").knows("l1", "r1")),
              (Words{"forget ann l1", "add ann r1"}));
}

TEST(Plan, a_contact_that_is_shown_comes_before_one_that_was_never_shown)
{
    // The id that Flex gave may be another name of the contact that it shows: nothing is deleted by it.
    EXPECT_EQ(steps(Lists().desires("ann", "r1").has_row("ann", "l1").shows("l2", "r1").knows_unshown("l1", "r1", 1s)),
              (Words{"prune l1", "adopt ann l2"}));
    EXPECT_EQ(steps(Lists()
                        .desires("ann", "r1")
                        .has_row("ann", "l2")
                        .has_row("bob", "l1")
                        .shows("l2", "r1")
                        .knows_unshown("l1", "r1", 1s)),
              (Words{"forget bob l1", "prune l1", "keep ann l2"}));
}

TEST(Plan, a_contact_that_was_never_shown_is_removed_with_its_technician)
{
    EXPECT_EQ(steps(Lists().has_row("ann", "l1").knows_unshown("l1", "r1", 1s)), Words{"remove ann l1"});
    EXPECT_EQ(steps(Lists().desires("ann", "r2").has_row("ann", "l1").knows_unshown("l1", "r1", 1s)),
              (Words{"remove ann l1", "add ann r2"}));
    EXPECT_EQ(steps(Lists().has_row("ann", "l1").knows_unshown("l1", "r1", 2min)), Words{"forget ann l1"});
}

TEST(Plan, a_contact_that_was_never_shown_and_that_no_row_names_is_left)
{
    EXPECT_EQ(steps(Lists().knows_unshown("l1", "r1", 1s)), Words{});
}

TEST(Plan, a_lost_add_makes_its_contact_neither_gone_nor_there)
{
    EXPECT_EQ(steps(Lists().desires("ann", "r1").knows_lost_add("r1")), Words{"add ann r1"});
    EXPECT_EQ(steps(Lists().desires("ann", "r1").shows("l1", "r1").knows_lost_add("r1")), Words{"adopt ann l1"});
}

TEST(Describe, a_step_reads_as_a_sentence)
{
    Lists lists = Lists().desires("ann", "r1").shows("l1", "r2");
    lists.lines.front().name = "Bob";
    const core::Plan plan = lists.plan();
    EXPECT_EQ(core::describe(plan.steps.at(0)), "Bob is on the crew call, but not assigned");
    EXPECT_EQ(core::describe(plan.steps.at(1)), "technician ann is assigned but not on the crew call");
}

} // namespace
