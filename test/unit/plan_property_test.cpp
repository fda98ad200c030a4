// What holds of every plan, whatever the lists.

#include "random_lists.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

using core::Action;
using core::LineKind;
using core::Plan;
using core::Step;
using unit::Lists;
using unit::Random;
using unit::lists::applied;
using unit::lists::key_of;
using unit::lists::random_lists;
using unit::lists::show;

namespace {

constexpr unsigned long cases = 4000;

void expect_one_place_for_each_member(const Lists &lists, const Plan &plan)
{
    std::set<std::string> members;
    for (const core::DesiredMember &member : lists.crew.desired)
        members.insert(key_of(member.call, member.technician));
    std::map<std::string, int> places;
    for (const Step &step : plan.steps)
        if (step.action == Action::Keep || step.action == Action::Adopt || step.action == Action::Add ||
            step.action == Action::Skip)
            ++places[key_of(*step.call, *step.technician)];
    EXPECT_EQ(places.size(), members.size());
    for (const auto &[member, count] : places)
        EXPECT_EQ(count, 1) << member;
}

void expect_nobody_called_twice(const Lists &lists, const Plan &plan)
{
    std::set<std::string> added;
    for (const Step &step : plan.steps)
        if (step.action == Action::Add) {
            EXPECT_TRUE(added.insert(step.resource->canonical()).second) << step.resource->text();
        }
    for (const core::Line &shown : lists.lines) {
        const bool is_known = std::any_of(lists.known.begin(), lists.known.end(),
                                          [&](const core::KnownLine &known) { return known.line == shown.id; });
        if (shown.kind != LineKind::Other && shown.resource && !is_known) {
            EXPECT_FALSE(added.contains(shown.resource->canonical())) << shown.id.text();
        }
    }
}

void expect_only_contacts_deleted(const Lists &lists, const Plan &plan)
{
    const auto is_named = [&](const core::LineItemId &id) {
        return std::any_of(lists.crew.rows.begin(), lists.crew.rows.end(),
                           [&](const core::Assignment &row) { return row.line == id; });
    };
    for (const Step &step : plan.steps) {
        if (step.action != Action::Remove && step.action != Action::Prune)
            continue;
        EXPECT_TRUE(step.action == Action::Prune || is_named(*step.line)) << step.line->text();
        EXPECT_TRUE(step.action == Action::Remove || !step.listed || step.listed->kind == LineKind::Contact)
            << step.line->text();
        for (const core::Line &shown : lists.lines)
            EXPECT_FALSE(shown.kind == LineKind::Other && shown.id == *step.line) << step.line->text();
    }
}

void expect_policy_obeyed(const Lists &lists, const Plan &plan)
{
    for (const Step &step : plan.steps) {
        if (step.action != Action::Prune)
            continue;
        EXPECT_NE(lists.prune, core::Prune::None);
        const bool is_ours = std::any_of(lists.known.begin(), lists.known.end(), [&](const core::KnownLine &known) {
            return known.line ? *known.line == *step.line : known.asked == *step.resource;
        });
        EXPECT_TRUE(lists.prune == core::Prune::All || is_ours) << step.line->text();
    }
}

void expect_nobody_desired_loses_their_contact(const Plan &plan)
{
    std::set<std::string> gone;
    for (const Step &step : plan.steps)
        if (step.action == Action::Remove || step.action == Action::Prune)
            gone.insert(step.line->text());
    for (const Step &step : plan.steps)
        if ((step.action == Action::Keep || step.action == Action::Adopt) && step.line) {
            EXPECT_FALSE(gone.contains(step.line->text())) << step.line->text();
        }
}

void expect_settled(const Lists &lists)
{
    for (const Step &step : lists.plan().steps)
        EXPECT_FALSE(core::is_change(step)) << unit::words_of(step);
}

/// How many of each; who is kept and who adopted may be the other way round, and so may what a role is set on.
std::map<Action, int> counts(const Lists &lists)
{
    std::map<Action, int> found;
    for (const Step &step : lists.plan().steps)
        if (step.action != Action::SetRole)
            ++found[step.action == Action::Adopt ? Action::Keep : step.action];
    return found;
}

TEST(PlanProperty, holds_for_random_lists)
{
    for (unsigned long number = 0; number < cases && !testing::Test::HasFailure(); ++number) {
        Random random(number);
        const Lists lists = random_lists(random);
        const Plan plan = lists.plan();
        SCOPED_TRACE("case " + std::to_string(number) + "\n" + show(lists) + "afterwards\n" + show(applied(lists)));
        expect_one_place_for_each_member(lists, plan);
        expect_nobody_called_twice(lists, plan);
        expect_only_contacts_deleted(lists, plan);
        expect_policy_obeyed(lists, plan);
        expect_nobody_desired_loses_their_contact(plan);
        expect_settled(applied(lists));
        EXPECT_EQ(unit::words_of(plan), unit::steps(lists));
    }
}

// Where several rows name contacts that show no resource, whoever comes first is served first.

TEST(PlanProperty, the_order_of_the_crew_does_not_matter)
{
    for (unsigned long number = 0; number < cases && !testing::Test::HasFailure(); ++number) {
        Random random(number);
        const Lists lists = random_lists(random, 0);
        Lists shuffled = lists;
        std::shuffle(shuffled.crew.desired.begin(), shuffled.crew.desired.end(), random.engine());
        std::shuffle(shuffled.crew.rows.begin(), shuffled.crew.rows.end(), random.engine());
        std::shuffle(shuffled.known.begin(), shuffled.known.end(), random.engine());
        SCOPED_TRACE("case " + std::to_string(number) + "\n" + show(lists) + "shuffled\n" + show(shuffled));
        EXPECT_EQ(counts(lists), counts(shuffled));
    }
}

/// Which of several contacts stays depends on it, and with it what is ours to prune and whose role differs.
TEST(PlanProperty, the_order_of_the_listing_does_not_matter_for_who_is_called)
{
    for (unsigned long number = 0; number < cases && !testing::Test::HasFailure(); ++number) {
        Random random(number);
        Lists lists = random_lists(random, 0);
        lists.prune = core::Prune::All;
        Lists shuffled = lists;
        std::shuffle(shuffled.lines.begin(), shuffled.lines.end(), random.engine());
        SCOPED_TRACE("case " + std::to_string(number) + "\n" + show(lists) + "shuffled\n" + show(shuffled));
        auto before = counts(lists);
        auto after = counts(shuffled);
        for (const Action action : {Action::Add, Action::Keep, Action::Skip})
            EXPECT_EQ(before[action], after[action]);
    }
}

} // namespace
