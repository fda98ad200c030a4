// What holds of every plan, whatever the lists.

#include "crew_builder.hpp"
#include "random.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <unordered_map>

using core::Action;
using core::LineKind;
using core::Plan;
using core::Step;
using unit::Lists;
using unit::Random;
using unit::Words;

namespace {

constexpr unsigned long cases = 4000;

/// One of a few resources, as a UUID in one of two spellings.
std::string resource(Random &random)
{
    const std::string digit = std::to_string(random.below(5));
    return "0000000" + digit + (random.chance(80) ? "-0000-4000-8000-00000000000a" : "-0000-4000-8000-00000000000A");
}

std::string line(Random &random)
{
    return "l" + std::to_string(random.below(9));
}

std::string role(Random &random)
{
    return random.one_of(Words{"", "foh", "mon"});
}

std::string call(Random &random)
{
    return random.chance(70) ? "A" : "B";
}

std::string technician(Random &random)
{
    return "t" + std::to_string(random.below(6));
}

std::string desired_resource(Random &random)
{
    const int kind = random.below(20);
    return kind == 0 ? "" : kind == 1 ? resource(random) + "\n" : resource(random);
}

Lists random_lists(Random &random, int percent_without_resource = 10)
{
    Lists lists;
    lists.prune = random.one_of(std::vector{core::Prune::All, core::Prune::Owned, core::Prune::None});
    for (int i = random.below(8); i-- > 0;)
        lists.desires(technician(random), desired_resource(random), role(random), call(random));
    std::set<std::string> rows;
    for (int i = random.below(8); i-- > 0;) {
        const std::string who = technician(random);
        const std::string on = call(random);
        if (rows.insert(on + who).second)
            lists.has_row(who, random.chance(90) ? line(random) : "", on);
    }
    std::set<std::string> ids;
    for (int i = random.below(9); i-- > 0;) {
        const std::string id = line(random);
        const auto kind = random.one_of(std::vector{LineKind::Contact, LineKind::Contact, LineKind::Contact,
                                                    LineKind::Contact, LineKind::Untyped, LineKind::Other});
        if (ids.insert(id).second)
            lists.shows(id, random.chance(percent_without_resource) ? "" : resource(random), role(random), kind);
    }
    ids.clear();
    for (int i = random.below(6); i-- > 0;) {
        const std::string id = line(random);
        const int kind = random.below(4);
        if (!ids.insert(kind == 0 ? "lost" : id).second)
            continue;
        if (kind == 0)
            lists.knows_lost_add(resource(random));
        else if (kind == 1)
            lists.knows_unshown(id, resource(random), std::chrono::seconds(random.below(200)));
        else
            lists.knows(id, resource(random), random.chance(90) ? resource(random) : "");
        if (random.chance(30) && kind != 0)
            lists.knows_role_sent("foh");
    }
    return lists;
}

std::string show(const Lists &lists)
{
    std::string text;
    for (const core::DesiredMember &member : lists.crew.desired)
        text += "desired " + member.technician.text() + "@" + member.call.text() + " " +
                (member.resource ? member.resource->text() : "-") + " " + (member.role ? member.role->text() : "-") +
                "\n";
    for (const core::Assignment &row : lists.crew.rows)
        text +=
            "row " + row.technician.text() + "@" + row.call.text() + " " + (row.line ? row.line->text() : "-") + "\n";
    for (const core::Line &shown : lists.lines)
        text += "line " + shown.id.text() + " " + (shown.resource ? shown.resource->text() : "-") + " " +
                (shown.role ? shown.role->text() : "-") + " kind " + std::to_string(static_cast<int>(shown.kind)) +
                "\n";
    for (const core::KnownLine &known : lists.known)
        text += "known " + (known.line ? known.line->text() : "lost") + " " + known.asked.text() + " shown " +
                std::to_string(known.was_shown) + " " + (known.shown ? known.shown->text() : "-") + "\n";
    for (const std::string &words : unit::steps(lists))
        text += "  " + words + "\n";
    return text;
}

std::string key_of(const core::CrewCallId &on, const core::TechnicianId &who)
{
    return on.text() + "/" + who.text();
}

// ---- a model of Flex and of the rows, to which a plan is applied

void delete_line(Lists &lists, const core::LineItemId &id)
{
    std::erase_if(lists.lines, [&](const core::Line &shown) { return shown.id == id; });
    std::erase_if(lists.known, [&](const core::KnownLine &known) { return known.line == id; });
}

void delete_row(Lists &lists, const core::Assignment &row)
{
    std::erase_if(lists.crew.rows, [&](const core::Assignment &other) { return other == row; });
}

/// Maps the technician, and remembers the line as a sync does.
void map(Lists &lists, const Step &step, const core::LineItemId &id)
{
    std::erase_if(lists.crew.rows, [&](const core::Assignment &row) {
        return row.call == *step.call && row.technician == *step.technician;
    });
    lists.crew.rows.push_back({*step.call, *step.technician, id});
}

void remember(Lists &lists, const core::LineItemId &id, const core::ResourceId &asked)
{
    const auto shown = std::find_if(lists.lines.begin(), lists.lines.end(),
                                    [&](const core::Line &candidate) { return candidate.id == id; });
    if (shown == lists.lines.end())
        return;
    std::optional<core::BusinessRoleId> role_sent;
    std::erase_if(lists.known, [&](const core::KnownLine &known) {
        if (known.line == id)
            role_sent = known.role_sent;
        return known.line == id;
    });
    lists.known.push_back(
        {.line = id, .asked = asked, .shown = shown->resource, .was_shown = true, .role_sent = role_sent});
}

Lists applied(const Lists &before)
{
    const Plan plan = before.plan();
    Lists after = before;
    std::unordered_map<core::ResourceId, core::LineItemId> added;
    for (const Step &step : plan.steps)
        if (step.action == Action::Add) {
            const core::LineItemId id("new" + std::to_string(added.size()));
            added.emplace(*step.resource, id);
            after.lines.push_back({.id = id,
                                   .resource = *step.resource,
                                   .role = unit::id_of<core::BusinessRoleId>(step.role ? step.role->text() : "")});
        }
    for (const Step &step : plan.steps) {
        if (step.action == Action::Forget || (step.action == Action::Remove && step.drops_row))
            delete_row(after, *step.row);
        if (step.action == Action::Remove || step.action == Action::Prune)
            delete_line(after, *step.line);
        if (step.action == Action::Add || step.action == Action::Adopt)
            map(after, step, step.line ? *step.line : added.at(*step.resource));
        if (step.action == Action::SetRole && step.line)
            for (core::Line &shown : after.lines)
                if (shown.id == *step.line)
                    shown.role = *step.role;
    }
    for (const Step &step : plan.steps)
        if ((step.action == Action::Keep || step.action == Action::Add || step.action == Action::Adopt) &&
            step.resource)
            remember(after, step.line ? *step.line : added.at(*step.resource), *step.resource);
    return after;
}

// ---- what holds

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
            EXPECT_TRUE(added.insert(core::canonical_id(step.resource->text())).second) << step.resource->text();
        }
    for (const core::Line &shown : lists.lines) {
        const bool is_known = std::any_of(lists.known.begin(), lists.known.end(),
                                          [&](const core::KnownLine &known) { return known.line == shown.id; });
        if (shown.kind != LineKind::Other && shown.resource && !is_known) {
            EXPECT_FALSE(added.contains(core::canonical_id(shown.resource->text()))) << shown.id.text();
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
        EXPECT_TRUE(step.action == Action::Remove || (step.listed && step.listed->kind == LineKind::Contact))
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
