// What a sync has sent and written down, and what it may still do.

#include "core/ledger.hpp"

#include <gtest/gtest.h>

using core::Action;
using core::CrewCallId;
using core::KnownLine;
using core::KnownLines;
using core::Ledger;
using core::Line;
using core::LineItemId;
using core::Origin;
using core::Outcome;
using core::Reason;
using core::ResourceId;
using core::Step;
using core::TechnicianId;
using core::TimePoint;
using namespace std::chrono_literals;

namespace {

struct LedgerTest : testing::Test {
    const CrewCallId call{"A"};
    const TechnicianId ann{"ann"};
    const ResourceId resource{"r1"};
    const LineItemId line{"l1"};
    const core::BusinessRoleId role{"foh"};
    const core::Assignment row{call, ann, line};
    const TimePoint begin{100h};

    KnownLines known;
    Ledger ledger{known};

    const Step add{
        .action = Action::Add, .reason = Reason::NotOnCall, .call = &call, .technician = &ann, .resource = &resource};
    const Step remove{.action = Action::Remove,
                      .reason = Reason::NotDesired,
                      .call = &call,
                      .technician = &ann,
                      .resource = &resource,
                      .line = &line,
                      .row = &row,
                      .drops_row = true};
    const Step set_role{
        .action = Action::SetRole, .reason = Reason::RoleDiffers, .resource = &resource, .line = &line, .role = &role};

    void took(const Step &step, Outcome outcome, std::optional<LineItemId> of = std::nullopt, TimePoint at = {})
    {
        ledger.took(step, {.answer = {.outcome = outcome}, .line = std::move(of)}, at);
    }

    std::vector<Line> lines() const { return {{.id = line, .resource = resource}}; }
};

TEST_F(LedgerTest, an_add_that_is_done_is_not_sent_again)
{
    ledger.begin_pass();
    EXPECT_TRUE(ledger.may(add));
    took(add, Outcome::Done, line);
    EXPECT_FALSE(ledger.may(add));
    EXPECT_EQ(ledger.line_to_map(add), line);
    EXPECT_EQ(ledger.added_lines().at(line), resource);
    EXPECT_TRUE(known.is_unshown(line));
}

TEST_F(LedgerTest, nor_is_one_that_was_refused)
{
    took(add, Outcome::Refused);
    EXPECT_FALSE(ledger.may(add));
    EXPECT_TRUE(ledger.has_failed(add));
}

TEST_F(LedgerTest, the_contact_of_an_earlier_pass_is_for_the_plan_to_adopt)
{
    ledger.begin_pass();
    took(add, Outcome::Done, line);
    ledger.begin_pass();
    EXPECT_EQ(ledger.line_to_map(add), std::nullopt);
}

TEST_F(LedgerTest, a_lost_add_is_sent_again_after_two_listings_the_second_two_seconds_later)
{
    took(add, Outcome::Unknown, std::nullopt, begin);
    EXPECT_TRUE(ledger.is_waiting());
    EXPECT_EQ(ledger.time_to_settle(begin + 500ms), 1500ms);
    ledger.judge({}, begin + 2000ms);
    EXPECT_FALSE(ledger.may(add)) << "one listing";
    ledger.judge({}, begin + 1999ms);
    EXPECT_FALSE(ledger.may(add)) << "too early";
    ledger.judge({}, begin + 2000ms);
    EXPECT_TRUE(ledger.may(add));
    EXPECT_FALSE(ledger.is_waiting());
}

TEST_F(LedgerTest, and_not_a_third_time)
{
    for (int sends = 1; sends <= 2; ++sends) {
        EXPECT_TRUE(ledger.may(add));
        took(add, Outcome::Unknown, std::nullopt, begin);
        ledger.judge({}, begin + 2000ms);
        ledger.judge({}, begin + 2000ms);
    }
    EXPECT_FALSE(ledger.may(add));
}

TEST_F(LedgerTest, a_lost_add_whose_contact_shows_was_done)
{
    took(add, Outcome::Unknown, std::nullopt, begin);
    ledger.showed(lines());
    EXPECT_FALSE(ledger.is_lost(resource));
    EXPECT_TRUE(known.is_unshown(line));
    EXPECT_EQ(ledger.operations().front().answer.outcome, Outcome::Done);
    EXPECT_EQ(ledger.operations().front().line, line);
    EXPECT_FALSE(ledger.may(add));
    const Step adopt{.action = Action::Adopt,
                     .reason = Reason::ContactThere,
                     .call = &call,
                     .technician = &ann,
                     .resource = &resource,
                     .line = &line};
    ledger.mapped(adopt);
    EXPECT_EQ(ledger.origin_of(adopt), Origin::Added);
}

TEST_F(LedgerTest, a_line_of_another_kind_proves_nothing)
{
    took(add, Outcome::Unknown, std::nullopt, begin);
    std::vector<Line> others = lines();
    others[0].kind = core::LineKind::Other;
    ledger.showed(others);
    EXPECT_TRUE(ledger.is_lost(resource));
}

TEST_F(LedgerTest, an_add_that_an_earlier_sync_lost_needs_one_listing_more)
{
    known.load({{.asked = resource, .age = 1500ms}});
    ledger.note_earlier_add(add, begin);
    EXPECT_EQ(ledger.time_to_settle(begin), 500ms);
    ledger.judge({}, begin + 500ms);
    EXPECT_TRUE(ledger.may(add));
}

TEST_F(LedgerTest, an_add_that_flex_accepted_under_no_line_of_its_own_is_left_to_a_later_sync)
{
    ledger.took(add, {.answer = {.outcome = Outcome::Unknown, .code = "line_taken"}}, begin);
    EXPECT_FALSE(ledger.is_waiting());
    ledger.judge({}, begin + 1h);
    ledger.judge({}, begin + 1h);
    EXPECT_FALSE(ledger.may(add));
}

TEST_F(LedgerTest, a_removal_counts_the_technicians_whose_rows_named_the_line)
{
    ledger.sending(remove);
    EXPECT_TRUE(ledger.is_being_removed(line));
    EXPECT_FALSE(ledger.is_removed(line));
    took(remove, Outcome::Done);
    EXPECT_TRUE(ledger.is_deleted(line));
    EXPECT_TRUE(ledger.is_removed(line));
    EXPECT_EQ(ledger.removed_lines(), 1u);
    EXPECT_EQ(ledger.removed_members(), 1);
}

TEST_F(LedgerTest, a_removal_whose_answer_was_lost_is_judged_by_a_listing)
{
    ledger.sending(remove);
    took(remove, Outcome::Unknown);
    ledger.judge(lines(), begin);
    EXPECT_FALSE(ledger.is_removed(line)) << "it is still there";
    EXPECT_TRUE(ledger.may(remove));
    ledger.judge({}, begin);
    EXPECT_TRUE(ledger.is_removed(line));
    EXPECT_FALSE(ledger.has_failed(remove));
}

TEST_F(LedgerTest, a_contact_that_is_taken_back_is_no_removal)
{
    took(add, Outcome::Done, line);
    ledger.took_back(resource, line, {.outcome = Outcome::Done});
    EXPECT_TRUE(ledger.is_deleted(line));
    EXPECT_EQ(ledger.removed_lines(), 0u);
    EXPECT_TRUE(ledger.added_lines().empty());
}

TEST_F(LedgerTest, a_deletion_that_was_refused_is_not_tried_again_and_one_that_is_unknown_is)
{
    took(remove, Outcome::Unknown);
    EXPECT_TRUE(ledger.may(remove));
    took(remove, Outcome::Refused);
    EXPECT_FALSE(ledger.may(remove));
}

TEST_F(LedgerTest, a_role_that_flex_accepted_is_lag_while_it_does_not_show)
{
    EXPECT_TRUE(ledger.may(set_role));
    took(set_role, Outcome::Done);
    EXPECT_TRUE(ledger.is_lag(set_role));
    EXPECT_FALSE(ledger.may(set_role));
}

TEST_F(LedgerTest, a_role_whose_answer_was_lost_is_done_once_a_listing_shows_it)
{
    took(set_role, Outcome::Unknown);
    ledger.judge(lines(), begin);
    EXPECT_EQ(ledger.operations().front().answer.outcome, Outcome::Unknown);
    std::vector<Line> with_role = lines();
    with_role[0].role = role;
    ledger.judge(with_role, begin);
    EXPECT_EQ(ledger.operations().front().answer.outcome, Outcome::Done);
}

TEST_F(LedgerTest, only_the_last_operation_about_a_target_counts)
{
    took(remove, Outcome::Unknown);
    took(set_role, Outcome::Refused);
    took(remove, Outcome::Done);
    EXPECT_FALSE(ledger.is_last(0));
    EXPECT_TRUE(ledger.is_last(1)) << "a role is another target than the line's deletion";
    EXPECT_TRUE(ledger.is_last(2));
}

TEST_F(LedgerTest, nobody_is_called_of_whom_no_row_can_tell)
{
    core::Plan plan;
    plan.steps = {remove, add};
    ledger.close_what_has_no_row(plan);
    EXPECT_TRUE(ledger.may(add));
    ledger.close_row({call, ann});
    ledger.close_what_has_no_row(plan);
    EXPECT_FALSE(ledger.may(add));
    EXPECT_FALSE(ledger.may(remove)) << "nor does a contact go whose row cannot";
}

TEST_F(LedgerTest, a_row_that_cannot_be_deleted_can_still_be_mapped)
{
    const Step forget{
        .action = Action::Forget, .reason = Reason::ContactGone, .call = &call, .technician = &ann, .line = &line};
    const Step adopt{.action = Action::Adopt,
                     .reason = Reason::ContactThere,
                     .call = &call,
                     .technician = &ann,
                     .resource = &resource,
                     .line = &line};
    ledger.close_forget({call, ann});
    EXPECT_FALSE(ledger.may(forget));
    EXPECT_TRUE(ledger.may(adopt));
    EXPECT_EQ(ledger.line_to_map(adopt), line);
    ledger.close_row({call, ann});
    EXPECT_FALSE(ledger.may(adopt));
    EXPECT_EQ(ledger.line_to_map(adopt), std::nullopt);
}

TEST_F(LedgerTest, an_add_that_is_done_the_second_time_is_lost_no_more)
{
    took(add, Outcome::Unknown, std::nullopt, begin);
    took(add, Outcome::Done, line, begin + 3s);
    EXPECT_FALSE(ledger.is_lost(resource));
}

TEST_F(LedgerTest, a_lost_add_that_is_found_was_for_the_first_technician_who_is_mapped_to_it)
{
    const TechnicianId bob{"bob"};
    took(add, Outcome::Unknown, std::nullopt, begin);
    ledger.showed(lines());
    Step adopt{.action = Action::Adopt,
               .reason = Reason::ContactThere,
               .call = &call,
               .technician = &ann,
               .resource = &resource,
               .line = &line};
    ledger.mapped(adopt);
    adopt.technician = &bob;
    ledger.mapped(adopt);
    EXPECT_EQ(ledger.origin_of(adopt), Origin::Adopted);
}

TEST_F(LedgerTest, a_row_that_cannot_be_written_holds_up_no_removal_of_somebody_else)
{
    core::Plan plan;
    plan.steps = {remove};
    ledger.close_row({call, TechnicianId{"bob"}});
    ledger.close_what_has_no_row(plan);
    EXPECT_TRUE(ledger.may(remove));
}

TEST_F(LedgerTest, what_flex_has_two_of_is_lag_while_it_does_not_show_the_one_that_was_added)
{
    took(add, Outcome::Done, line);
    Step prune{.action = Action::Prune, .reason = Reason::Surplus, .resource = &resource, .line = &line};
    EXPECT_TRUE(ledger.is_lag(prune));
    const Line listed = lines()[0];
    prune.listed = &listed;
    EXPECT_FALSE(ledger.is_lag(prune));
}

TEST_F(LedgerTest, a_role_is_remembered_of_lines_that_are_kept_or_adopted)
{
    const std::vector<Line> listed = lines();
    const auto role_after = [&](Action action) {
        KnownLines lines_known;
        Ledger of_one(lines_known);
        of_one.took(set_role, {.answer = {.outcome = Outcome::Done}}, begin);
        core::Plan plan;
        plan.steps = {{.action = action,
                       .reason = Reason::InPlace,
                       .call = &call,
                       .technician = &ann,
                       .resource = &resource,
                       .line = &line,
                       .listed = &listed[0]}};
        of_one.remember_roles(plan);
        return lines_known.all().empty() ? std::nullopt : lines_known.all()[0].role_sent;
    };
    EXPECT_EQ(role_after(Action::Keep), role);
    EXPECT_EQ(role_after(Action::Adopt), role);
    EXPECT_EQ(role_after(Action::Retain), std::nullopt);
}

} // namespace
