// The sentences around the planning table: spellings, doubles, roles, lines of other types, what is remembered.

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

const std::string lower_id = "0d7c9a34-1b2c-4d5e-8f90-abcdefabcdef";
const std::string upper_id = "0D7C9A34-1B2C-4D5E-8F90-ABCDEFABCDEF";

// ---- how ids compare

TEST(Plan, uuids_compare_as_uuids)
{
    EXPECT_EQ(steps(Lists().desires("ann", lower_id).has_row("ann", lower_id).shows(upper_id, upper_id)),
              Words{"keep ann " + upper_id});
    EXPECT_EQ(steps(Lists().desires("ann", "r1", lower_id).has_row("ann", "l1").shows("l1", "r1", upper_id)),
              Words{"keep ann l1"});
}

TEST(Plan, other_ids_compare_letter_by_letter)
{
    EXPECT_EQ(steps(Lists().desires("ann", "r1").shows("l1", "R1")), (Words{"prune l1", "add ann r1"}));
}

TEST(Plan, requests_use_the_spelling_of_flex)
{
    EXPECT_EQ(steps(Lists().has_row("ann", lower_id).shows(upper_id, "r1")), Words{"remove ann " + upper_id});
}

TEST(Plan, a_resource_with_white_space_at_an_end_or_a_control_character_is_skipped)
{
    for (const std::string resource : {" r1", "r1 ", "r1\n", "r\t1", "\xC2\xA0r1"}) {
        const Lists lists = Lists().desires("ann", resource);
        EXPECT_EQ(steps(lists), Words{"skip ann " + resource});
        EXPECT_EQ(notes(lists), Words{"resource_malformed"});
    }
    EXPECT_EQ(steps(Lists().desires("ann", "r 1")), Words{"add ann r 1"});
}

TEST(Plan, a_contact_that_a_skipped_technician_may_mean_is_not_pruned)
{
    EXPECT_EQ(reasons(Lists().desires("ann", "r1\n").shows("l1", "r1")),
              (std::vector{Reason::ResourceUnclear, Reason::ResourceMalformed}));
    EXPECT_EQ(steps(Lists().desires("ann", "r1").desires("ann", "r2 ").shows("l1", "r1").shows("l2", "r2")),
              (Words{"retain l1", "retain l2", "skip ann r1"}));
}

TEST(Plan, a_contact_that_a_skipped_technician_may_mean_is_not_removed_for_another)
{
    EXPECT_EQ(steps(Lists().desires("bob", "r1\n").has_row("ann", "l1").shows("l1", "r1")),
              (Words{"forget ann l1", "retain l1", "skip bob r1\n"}));
    EXPECT_EQ(steps(Lists()
                        .desires("bob", "r1\n")
                        .desires("ann", "r2")
                        .has_row("ann", "l1")
                        .shows("l1", "r1")
                        .shows("l2", "r2")),
              (Words{"retain l1", "adopt ann l2", "skip bob r1\n"}));
}

TEST(Plan, a_technician_whose_resource_is_malformed_keeps_their_contact)
{
    const Lists lists = Lists().desires("ann", "r1 ").has_row("ann", "l1").shows("l1", "r1");
    EXPECT_EQ(steps(lists), Words{"keep ann l1"});
    EXPECT_EQ(notes(lists), Words{"resource_unclear"});
}

// ---- desired twice

TEST(Plan, a_technician_who_is_desired_twice_counts_once)
{
    EXPECT_EQ(steps(Lists().desires("ann", "r1").desires("ann", "r1")), Words{"add ann r1"});
    EXPECT_EQ(steps(Lists().desires("ann", "").desires("ann", "r1")), Words{"add ann r1"});
    EXPECT_EQ(steps(Lists().desires(lower_id, "r1").desires(upper_id, "r1")), Words{"add " + lower_id + " r1"});
}

TEST(Plan, a_technician_who_is_desired_with_two_resources_is_skipped)
{
    const Lists lists = Lists().desires("ann", "r1").desires("ann", "r2").desires("ann", "r1");
    EXPECT_EQ(steps(lists), Words{"skip ann r1"});
    EXPECT_EQ(notes(lists), Words{"resource_conflict"});
}

// ---- roles

TEST(Plan, two_calls_that_want_different_roles_set_none)
{
    const Lists lists = Lists().desires("ann", "r1", "foh", "A").desires("ann", "r1", "mon", "B");
    EXPECT_EQ(steps(lists), (Words{"adopt ann@B r1", "add ann r1"}));
    EXPECT_EQ(notes(lists), Words{"role_conflict"});
}

TEST(Plan, a_technician_who_is_desired_twice_with_different_roles_gets_none)
{
    const Lists lists =
        Lists().desires("ann", "r1", "foh").desires("ann", "r1", "mon").has_row("ann", "l1").shows("l1", "r1", "x");
    EXPECT_EQ(steps(lists), Words{"keep ann l1"});
    EXPECT_EQ(notes(lists), Words{"role_conflict"});
}

TEST(Plan, the_role_that_one_of_two_calls_wants_is_set)
{
    EXPECT_EQ(steps(Lists().desires("ann", "r1", "", "A").desires("ann", "r1", "mon", "B").shows("l1", "r1")),
              (Words{"adopt ann l1", "adopt ann@B l1", "set_role l1 mon"}));
}

TEST(Plan, a_role_that_flex_does_not_show_is_sent_once)
{
    const Lists lists = Lists().desires("ann", "r1", "foh").has_row("ann", "l1").shows("l1", "r1").knows("l1", "r1");
    EXPECT_EQ(steps(lists), (Words{"keep ann l1", "set_role l1 foh"}));
    EXPECT_EQ(steps(Lists(lists).knows_role_sent("foh")), Words{"keep ann l1"});
    EXPECT_EQ(steps(Lists(lists).knows_role_sent("mon")), (Words{"keep ann l1", "set_role l1 foh"}));
}

TEST(Plan, a_role_that_flex_shows_otherwise_is_sent_again)
{
    EXPECT_EQ(steps(Lists()
                        .desires("ann", "r1", "foh")
                        .has_row("ann", "l1")
                        .shows("l1", "r1", "mon")
                        .knows("l1", "r1")
                        .knows_role_sent("foh")),
              (Words{"keep ann l1", "set_role l1 foh"}));
}

// ---- lines of other types, or of none

TEST(Plan, a_line_of_another_type_is_never_touched)
{
    for (const Prune policy : {Prune::All, Prune::Owned, Prune::None})
        EXPECT_EQ(steps(Lists().desires("ann", "r1").shows_other("l1", "r1").shows_other("l2").prunes(policy)),
                  Words{"add ann r1"});
}

TEST(Plan, an_untyped_line_of_a_desired_resource_is_a_contact)
{
    EXPECT_EQ(steps(Lists().desires("ann", "r1").shows_untyped("l1", "r1")), Words{"adopt ann l1"});
    EXPECT_EQ(steps(Lists().desires("ann", "r1").has_row("ann", "l1").shows_untyped("l1", "r1")), Words{"keep ann l1"});
}

TEST(Plan, a_contact_is_adopted_before_an_untyped_line)
{
    const Lists lists = Lists().desires("ann", "r1").shows_untyped("l1", "r1").shows("l2", "r1");
    EXPECT_EQ(steps(lists), Words{"adopt ann l2"});
    EXPECT_EQ(notes(lists), Words{"untyped_line"});
}

TEST(Plan, an_untyped_line_that_nobody_desires_is_left_with_a_diagnostic)
{
    const Lists lists = Lists().shows_untyped("l1", "r1").knows("l1", "r1");
    EXPECT_EQ(steps(lists), Words{});
    EXPECT_EQ(notes(lists), Words{"untyped_line"});
}

TEST(Plan, an_untyped_line_that_a_row_names_is_removed_with_its_technician)
{
    EXPECT_EQ(steps(Lists().has_row("ann", "l1").shows_untyped("l1", "r1")), Words{"remove ann l1"});
}

TEST(Plan, a_contact_without_a_resource_is_left_with_a_diagnostic)
{
    const Lists lists = Lists().shows("l1", "");
    EXPECT_EQ(steps(lists), Words{});
    EXPECT_EQ(notes(lists), Words{"contact_without_resource"});
}

TEST(Plan, a_contact_without_a_resource_serves_the_technician_whose_row_names_it)
{
    const Lists lists = Lists().desires("ann", "r1").has_row("ann", "l1").shows("l1", "");
    EXPECT_EQ(steps(lists), Words{"keep ann l1"});
    EXPECT_EQ(notes(lists), Words{"contact_without_resource"});
}

TEST(Plan, a_contact_without_a_resource_that_two_rows_name_serves_one)
{
    EXPECT_EQ(steps(Lists()
                        .desires("ann", "r1")
                        .desires("bob", "r2")
                        .has_row("ann", "l1")
                        .has_row("bob", "l1")
                        .shows("l1", "")),
              (Words{"keep ann l1", "add bob r2"}));
}

TEST(Plan, a_contact_without_a_resource_serves_whoever_would_else_be_called)
{
    const Lists lists = Lists().has_row("ann", "l1").has_row("bob", "l1").shows("l1", "");
    EXPECT_EQ(steps(Lists(lists).desires("ann", "").desires("bob", "r2")), (Words{"keep ann l1", "keep bob l1"}));
    EXPECT_EQ(steps(Lists(lists).desires("ann", "r2").desires("bob", "")), (Words{"keep ann l1", "keep bob l1"}));
}

TEST(Plan, the_order_of_the_crew_means_nothing)
{
    EXPECT_EQ(steps(Lists()
                        .desires("bob", "r2")
                        .has_row("bob", "l2")
                        .desires("ann", "r1")
                        .has_row("ann", "l1")
                        .shows("l1", "r1")),
              (Words{"forget bob l2", "keep ann l1", "add bob r2"}));
}

TEST(Plan, a_line_that_is_listed_twice_is_planned_once)
{
    EXPECT_EQ(steps(Lists().desires("ann", "r1").has_row("ann", "l1").shows("l1", "r1").shows("l1", "r1")),
              Words{"keep ann l1"});
}

// ---- a listing that cannot be true

TEST(WhyVoid, a_listing_without_contacts_that_shows_lines_of_rows_is_void)
{
    const Lists lists = Lists().has_row("ann", "l1").shows_other("l1").shows_other("l2");
    EXPECT_TRUE(core::why_void(lists.crew.rows, lists.lines));
}

TEST(WhyVoid, an_empty_listing_one_with_a_contact_and_one_of_other_lines_are_believed)
{
    const Lists empty = Lists().has_row("ann", "l1");
    EXPECT_FALSE(core::why_void(empty.crew.rows, empty.lines));
    const Lists others = Lists().has_row("ann", "l1").shows_other("l2");
    EXPECT_FALSE(core::why_void(others.crew.rows, others.lines));
    const Lists contact = Lists().has_row("ann", "l1").shows_other("l1").shows("l2", "r1");
    EXPECT_FALSE(core::why_void(contact.crew.rows, contact.lines));
}

// ---- order

TEST(Plan, orphans_come_before_the_diff)
{
    const Lists lists = Lists()
                            .desires("new", "r1", "foh")
                            .desires("kept", "r2")
                            .desires("there", "r3")
                            .desires("none", "")
                            .has_row("kept", "l2")
                            .has_row("gone", "l9")
                            .has_row("out", "l4")
                            .shows("l2", "r2")
                            .shows("l3", "r3")
                            .shows("l4", "r4")
                            .shows("l5", "r5");
    EXPECT_EQ(steps(lists), (Words{"forget gone l9", "remove out l4", "prune l5", "keep kept l2", "adopt there l3",
                                   "add new r1 foh", "set_role new r1 foh", "skip none"}));
    EXPECT_EQ(steps(lists), steps(lists));
}

TEST(Plan, of_two_rows_of_a_technician_the_one_with_a_line_counts)
{
    const Lists one_line = Lists().desires("ann", "r1").has_row("ann", "").has_row("ann", "l1").shows("l1", "r1");
    EXPECT_EQ(steps(one_line), (Words{"keep ann l1"}));
    EXPECT_EQ(notes(one_line), Words{});
    const Lists two_lines = Lists()
                                .desires("ann", "r1")
                                .has_row("ann", "l1")
                                .has_row("ann", "l2")
                                .shows("l1", "r1")
                                .shows("l2", "r1")
                                .prunes(core::Prune::None);
    EXPECT_EQ(steps(two_lines), (Words{"retain l2", "keep ann l1"}));
    EXPECT_EQ(notes(two_lines), Words{"duplicate_row"});
}

TEST(Plan, a_role_that_is_desired_twice_is_no_conflict)
{
    const Lists lists = Lists().desires("ann", "r1", "foh").desires("ann", "r1", "foh");
    EXPECT_EQ(steps(lists).at(0), "add ann r1 foh");
    EXPECT_EQ(notes(lists), Words{});
}

TEST(Plan, of_two_lines_that_no_listing_has_shown_neither_is_pruned)
{
    const Lists lists = Lists()
                            .desires("ann", "r1")
                            .knows_unshown("l1", "r1", std::chrono::seconds(5))
                            .knows_unshown("l2", "r1", std::chrono::seconds(5));
    EXPECT_EQ(steps(lists), Words{"adopt ann l1"});
    EXPECT_EQ(reasons(lists), std::vector{core::Reason::NotShownYet});
    EXPECT_EQ(reasons(Lists().desires("ann", "r1").shows("l1", "r1")), std::vector{core::Reason::ContactThere});
}

TEST(Plan, a_diagnostic_names_what_it_is_about)
{
    EXPECT_EQ(Lists().desires("ann", " r1").plan().diagnostics.at(0).resource, " r1");
    EXPECT_EQ(Lists().shows_untyped("l1", "r1").plan().diagnostics.at(0).line, "l1");
}

TEST(Plan, there_are_so_many_diagnostics_and_the_others_are_counted)
{
    Lists lists;
    for (std::size_t i = 0; i < core::max_diagnostics + 2; ++i)
        lists.desires("t" + std::to_string(i), "");
    EXPECT_EQ(lists.plan().diagnostics.size(), core::max_diagnostics);
    EXPECT_EQ(lists.plan().more_diagnostics, 2u);
}

TEST(Plan, a_long_plan_lets_others_be_heard_now_and_then)
{
    Lists lists;
    for (int i = 0; i < 5000; ++i)
        lists.shows("l" + std::to_string(i), "r" + std::to_string(i));
    int checks = 0;
    core::plan(lists.crew, lists.lines, lists.known, lists.prune, [&checks] { ++checks; });
    EXPECT_GE(checks, 1);
    EXPECT_LE(checks, 10);
    core::plan(lists.crew, lists.lines, lists.known, lists.prune, {});
}

} // namespace
