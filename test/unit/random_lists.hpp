#pragma once
// Random lists, and a model of Flex and the rows to which their plan is applied.

#include "crew_builder.hpp"
#include "random.hpp"

#include <set>
#include <unordered_map>

namespace unit::lists {

using core::Action;
using core::LineKind;
using core::Plan;
using core::Step;

/// One of a few resources, as a UUID in one of two spellings.
inline std::string resource(Random &random)
{
    const std::string digit = std::to_string(random.below(5));
    return "0000000" + digit + (random.chance(80) ? "-0000-4000-8000-00000000000a" : "-0000-4000-8000-00000000000A");
}

inline std::string line(Random &random)
{
    return "l" + std::to_string(random.below(9));
}

inline std::string role(Random &random)
{
    return random.one_of(Words{"", "foh", "mon"});
}

inline std::string call(Random &random)
{
    return random.chance(70) ? "A" : "B";
}

inline std::string technician(Random &random)
{
    return "t" + std::to_string(random.below(6));
}

inline std::string desired_resource(Random &random)
{
    const int kind = random.below(20);
    return kind == 0 ? "" : kind == 1 ? resource(random) + "\n" : resource(random);
}

inline Lists random_lists(Random &random, int percent_without_resource = 10)
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

inline std::string show(const Lists &lists)
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

inline std::string key_of(const core::CrewCallId &on, const core::TechnicianId &who)
{
    return on.text() + "/" + who.text();
}

// ---- a model of Flex and of the rows, to which a plan is applied

inline void delete_line(Lists &lists, const core::LineItemId &id)
{
    std::erase_if(lists.lines, [&](const core::Line &shown) { return shown.id == id; });
    std::erase_if(lists.known, [&](const core::KnownLine &known) { return known.line == id; });
}

inline void delete_row(Lists &lists, const core::Assignment &row)
{
    std::erase_if(lists.crew.rows, [&](const core::Assignment &other) { return other == row; });
}

/// Maps the technician, and remembers the line as a sync does.
inline void map(Lists &lists, const Step &step, const core::LineItemId &id)
{
    std::erase_if(lists.crew.rows, [&](const core::Assignment &row) {
        return row.call == *step.call && row.technician == *step.technician;
    });
    lists.crew.rows.push_back({*step.call, *step.technician, id});
}

inline void remember(Lists &lists, const core::LineItemId &id, const core::ResourceId &asked)
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

inline Lists applied(const Lists &before)
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

} // namespace unit::lists
