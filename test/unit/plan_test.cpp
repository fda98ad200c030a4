// The planning table of the design, row by row.

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

// ---- desired, with a row

TEST(Plan, a_technician_whose_contact_is_there_is_kept)
{
    const Lists lists = Lists().desires("ann", "r1").has_row("ann", "l1").shows("l1", "r1");
    EXPECT_EQ(steps(lists), Words{"keep ann l1"});
    EXPECT_EQ(notes(lists), Words{});
}

TEST(Plan, a_role_that_differs_is_set)
{
    EXPECT_EQ(steps(Lists().desires("ann", "r1", "foh").has_row("ann", "l1").shows("l1", "r1", "mon")),
              (Words{"keep ann l1", "set_role l1 foh"}));
    EXPECT_EQ(steps(Lists().desires("ann", "r1", "foh").has_row("ann", "l1").shows("l1", "r1", "foh")),
              Words{"keep ann l1"});
}

TEST(Plan, a_role_that_nobody_desires_is_left_alone)
{
    EXPECT_EQ(steps(Lists().desires("ann", "r1").has_row("ann", "l1").shows("l1", "r1", "mon")), Words{"keep ann l1"});
}

TEST(Plan, a_changed_resource_is_called_and_the_old_contact_removed)
{
    const Lists lists = Lists().desires("ann", "r2").has_row("ann", "l1").shows("l1", "r1");
    EXPECT_EQ(steps(lists), (Words{"remove ann l1", "add ann r2"}));
    EXPECT_EQ(reasons(lists).front(), Reason::ResourceChanged);
    EXPECT_FALSE(lists.plan().steps.front().drops_row);
}

TEST(Plan, the_old_contact_of_a_changed_resource_is_removed_whatever_the_policy)
{
    EXPECT_EQ(steps(Lists().desires("ann", "r2").has_row("ann", "l1").shows("l1", "r1").prunes(Prune::None)),
              (Words{"remove ann l1", "add ann r2"}));
}

TEST(Plan, a_changed_resource_that_is_on_the_call_already_is_adopted)
{
    EXPECT_EQ(steps(Lists().desires("ann", "r2").has_row("ann", "l1").shows("l1", "r1").shows("l2", "r2")),
              (Words{"remove ann l1", "adopt ann l2"}));
}

TEST(Plan, two_technicians_who_swap_resources_swap_contacts)
{
    EXPECT_EQ(steps(Lists()
                        .desires("ann", "r2")
                        .desires("bob", "r1")
                        .has_row("ann", "l1")
                        .has_row("bob", "l2")
                        .shows("l1", "r1")
                        .shows("l2", "r2")),
              (Words{"adopt ann l2", "adopt bob l1"}));
}

TEST(Plan, an_old_contact_that_somebody_else_desires_is_left_to_them)
{
    EXPECT_EQ(steps(Lists().desires("ann", "r2").desires("bob", "r1").has_row("ann", "l1").shows("l1", "r1")),
              (Words{"adopt bob l1", "add ann r2"}));
}

TEST(Plan, a_contact_that_is_gone_from_flex_is_added_again)
{
    const Lists lists = Lists().desires("ann", "r1", "foh").has_row("ann", "l1");
    EXPECT_EQ(steps(lists), (Words{"forget ann l1", "add ann r1 foh", "set_role ann r1 foh"}));
    EXPECT_EQ(reasons(lists).front(), Reason::ContactGone);
}

TEST(Plan, a_contact_that_is_gone_is_replaced_by_one_that_is_there)
{
    EXPECT_EQ(steps(Lists().desires("ann", "r1").has_row("ann", "l1").shows("l2", "r1")),
              (Words{"forget ann l1", "adopt ann l2"}));
}

TEST(Plan, a_row_that_names_a_line_which_is_no_contact_is_forgotten)
{
    const Lists lists = Lists().desires("ann", "r1").has_row("ann", "l1").shows_other("l1", "r1");
    EXPECT_EQ(steps(lists), (Words{"forget ann l1", "add ann r1"}));
    EXPECT_EQ(reasons(lists).front(), Reason::LineIsNoContact);
}

TEST(Plan, a_row_that_names_no_line_is_filled)
{
    EXPECT_EQ(steps(Lists().desires("ann", "r1").has_row("ann", "")), Words{"add ann r1"});
    EXPECT_EQ(steps(Lists().desires("ann", "r1").has_row("ann", "").shows("l1", "r1")), Words{"adopt ann l1"});
}

// ---- desired, without a row

TEST(Plan, a_contact_that_is_there_is_adopted)
{
    EXPECT_EQ(steps(Lists().desires("ann", "r1", "foh").shows("l1", "r1", "mon")),
              (Words{"adopt ann l1", "set_role l1 foh"}));
    EXPECT_EQ(steps(Lists().desires("ann", "r1", "foh").shows("l1", "r1", "foh")), Words{"adopt ann l1"});
}

TEST(Plan, a_technician_who_is_not_on_the_call_is_added_with_their_role)
{
    EXPECT_EQ(steps(Lists().desires("ann", "r1", "foh")), (Words{"add ann r1 foh", "set_role ann r1 foh"}));
    EXPECT_EQ(steps(Lists().desires("ann", "r1")), Words{"add ann r1"});
}

// ---- desired, without a resource

TEST(Plan, a_technician_without_a_resource_is_skipped)
{
    const Lists lists = Lists().desires("ann", "");
    EXPECT_EQ(steps(lists), Words{"skip ann"});
    EXPECT_EQ(notes(lists), Words{"no_resource"});
}

TEST(Plan, a_technician_without_a_resource_whose_contact_is_there_is_kept)
{
    const Lists lists = Lists().desires("ann", "", "foh").has_row("ann", "l1").shows("l1", "r1");
    EXPECT_EQ(steps(lists), Words{"keep ann l1"});
    EXPECT_EQ(notes(lists), Words{});
}

TEST(Plan, a_technician_without_a_resource_whose_contact_is_gone_is_forgotten_and_skipped)
{
    EXPECT_EQ(steps(Lists().desires("ann", "").has_row("ann", "l1")), (Words{"forget ann l1", "skip ann"}));
    EXPECT_EQ(steps(Lists().desires("ann", "").has_row("ann", "")), Words{"skip ann"});
}

TEST(Plan, a_resource_that_is_empty_text_is_none)
{
    Lists lists = Lists().desires("ann", "");
    lists.crew.desired.front().resource = core::ResourceId("");
    EXPECT_EQ(notes(lists), Words{"no_resource"});
}

// ---- not desired

TEST(Plan, a_withdrawn_technician_is_removed_whatever_the_policy)
{
    for (const Prune policy : {Prune::All, Prune::Owned, Prune::None}) {
        const Lists lists = Lists().has_row("ann", "l1").shows("l1", "r1").prunes(policy);
        EXPECT_EQ(steps(lists), Words{"remove ann l1"});
        EXPECT_TRUE(lists.plan().steps.front().drops_row);
    }
}

TEST(Plan, a_withdrawn_technician_whose_contact_somebody_else_needs_loses_only_the_row)
{
    const Lists lists = Lists().desires("bob", "r1").has_row("ann", "l1").shows("l1", "r1");
    EXPECT_EQ(steps(lists), (Words{"forget ann l1", "adopt bob l1"}));
    EXPECT_EQ(reasons(lists).front(), Reason::NeededByOther);
}

TEST(Plan, a_technician_withdrawn_from_one_of_two_calls_stays_on_the_element)
{
    EXPECT_EQ(steps(Lists()
                        .desires("ann", "r1", "", "A")
                        .has_row("ann", "l1", "A")
                        .has_row("ann", "l1", "B")
                        .shows("l1", "r1")),
              (Words{"forget ann@B l1", "keep ann l1"}));
}

TEST(Plan, a_withdrawn_technician_whose_contact_is_gone_is_forgotten)
{
    EXPECT_EQ(reasons(Lists().has_row("ann", "l1")), std::vector{Reason::NotDesiredAndGone});
    EXPECT_EQ(reasons(Lists().has_row("ann", "")), std::vector{Reason::NamesNoLine});
    EXPECT_EQ(steps(Lists().has_row("ann", "l1")), Words{"forget ann l1"});
}

TEST(Plan, a_withdrawn_technician_whose_line_is_no_contact_is_forgotten_and_the_line_left)
{
    const Lists lists = Lists().has_row("ann", "l1").shows_other("l1", "r1");
    EXPECT_EQ(steps(lists), Words{"forget ann l1"});
    // Nobody would be called again: not to be counted with the rows of those who are still desired.
    EXPECT_EQ(reasons(lists), std::vector{Reason::NotDesiredAndGone});
}

TEST(Plan, a_contact_that_nobody_desires_is_pruned_or_retained_by_policy)
{
    EXPECT_EQ(steps(Lists().shows("l1", "r1")), Words{"prune l1"});
    EXPECT_EQ(steps(Lists().shows("l1", "r1").prunes(Prune::None)), Words{"retain l1"});
    EXPECT_EQ(steps(Lists().shows("l1", "r1").prunes(Prune::Owned)), Words{"retain l1"});
    EXPECT_EQ(steps(Lists().shows("l1", "r1").knows("l1", "r1").prunes(Prune::Owned)), Words{"prune l1"});
    EXPECT_EQ(steps(Lists().shows("l1", "r1").knows("l1", "r1").prunes(Prune::None)), Words{"retain l1"});
}

TEST(Plan, an_unmapped_contact_of_a_lost_add_counts_as_ours)
{
    EXPECT_EQ(steps(Lists().shows("l1", "r1").knows_lost_add("r1").prunes(Prune::Owned)), Words{"prune l1"});
}

// ---- several contacts of one resource

TEST(Plan, of_two_contacts_the_one_that_a_row_names_stays)
{
    const Lists lists = Lists().desires("ann", "r1").has_row("ann", "l2").shows("l1", "r1").shows("l2", "r1");
    EXPECT_EQ(steps(lists), (Words{"prune l1", "keep ann l2"}));
    EXPECT_EQ(reasons(lists).front(), Reason::Surplus);
}

TEST(Plan, of_two_contacts_that_no_row_names_the_first_listed_stays)
{
    EXPECT_EQ(steps(Lists().desires("ann", "r1").shows("l2", "r1").shows("l1", "r1")),
              (Words{"prune l1", "adopt ann l2"}));
}

TEST(Plan, a_surplus_contact_is_retained_where_the_policy_says_so)
{
    const Lists lists = Lists().desires("ann", "r1").has_row("ann", "l1").shows("l1", "r1").shows("l2", "r1");
    EXPECT_EQ(steps(Lists(lists).prunes(Prune::None)), (Words{"retain l2", "keep ann l1"}));
    EXPECT_EQ(steps(Lists(lists).prunes(Prune::Owned)), (Words{"retain l2", "keep ann l1"}));
    EXPECT_EQ(steps(Lists(lists).knows_lost_add("r1").prunes(Prune::Owned)), (Words{"prune l2", "keep ann l1"}));
}

TEST(Plan, rows_that_name_several_contacts_of_one_resource_are_mapped_to_the_first_listed)
{
    const Lists lists = Lists()
                            .desires("ann", "r1", "", "A")
                            .desires("ann", "r1", "", "B")
                            .has_row("ann", "l2", "A")
                            .has_row("ann", "l1", "B")
                            .shows("l1", "r1")
                            .shows("l2", "r1")
                            .prunes(Prune::None);
    EXPECT_EQ(steps(lists), (Words{"remove ann l2", "keep ann@B l1", "adopt ann l1"}));
    EXPECT_EQ(reasons(lists).front(), Reason::Surplus);
}

TEST(Plan, the_contact_that_a_desired_technician_names_stays_before_that_of_a_withdrawn_one)
{
    EXPECT_EQ(
        steps(
            Lists().desires("ann", "r1").has_row("ann", "l2").has_row("bob", "l1").shows("l1", "r1").shows("l2", "r1")),
        (Words{"remove bob l1", "keep ann l2"}));
}

TEST(Plan, two_technicians_with_one_resource_share_one_contact)
{
    EXPECT_EQ(steps(Lists().desires("ann", "r1").desires("bob", "r1")), (Words{"adopt bob r1", "add ann r1"}));
    EXPECT_EQ(steps(Lists().desires("ann", "r1").desires("bob", "r1").has_row("ann", "l1").shows("l1", "r1")),
              (Words{"keep ann l1", "adopt bob l1"}));
}

TEST(Plan, one_technician_on_two_calls_of_the_element_is_added_once)
{
    EXPECT_EQ(steps(Lists().desires("ann", "r1", "", "A").desires("ann", "r1", "", "B")),
              (Words{"adopt ann@B r1", "add ann r1"}));
}

} // namespace
