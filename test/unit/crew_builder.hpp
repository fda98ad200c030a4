#pragma once
// Builds the lists that a plan is made of, and writes a plan down in words, so that a case reads as a sentence.

#include "core/plan.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace unit {

using Words = std::vector<std::string>;

template <class Id> std::optional<Id> id_of(const std::string &text)
{
    return text.empty() ? std::nullopt : std::optional<Id>(text);
}

/// The lists of one element. An empty text stands for none; whoever names no call is on call "A".
struct Lists {
    core::Crew crew = {};
    std::vector<core::Line> lines = {};
    std::vector<core::KnownLine> known = {};
    core::Prune prune = core::Prune::All;

    Lists &desires(const std::string &technician, const std::string &resource, const std::string &role = "",
                   const std::string &call = "A")
    {
        crew.desired.push_back({core::CrewCallId(call), core::TechnicianId(technician),
                                id_of<core::ResourceId>(resource), id_of<core::BusinessRoleId>(role)});
        return *this;
    }

    Lists &has_row(const std::string &technician, const std::string &line, const std::string &call = "A")
    {
        crew.rows.push_back({core::CrewCallId(call), core::TechnicianId(technician), id_of<core::LineItemId>(line)});
        return *this;
    }

    Lists &shows(const std::string &line, const std::string &resource, const std::string &role = "",
                 core::LineKind kind = core::LineKind::Contact)
    {
        lines.push_back({.id = core::LineItemId(line),
                         .kind = kind,
                         .resource = id_of<core::ResourceId>(resource),
                         .role = id_of<core::BusinessRoleId>(role)});
        return *this;
    }

    Lists &shows_untyped(const std::string &line, const std::string &resource)
    {
        return shows(line, resource, "", core::LineKind::Untyped);
    }

    Lists &shows_other(const std::string &line, const std::string &resource = "")
    {
        return shows(line, resource, "", core::LineKind::Other);
    }

    /// A listing has shown the line, which was asked for as `asked`, as a contact of `shown`.
    Lists &knows(const std::string &line, const std::string &asked, const std::string &shown)
    {
        known.push_back({.line = core::LineItemId(line),
                         .asked = core::ResourceId(asked),
                         .shown = id_of<core::ResourceId>(shown),
                         .was_shown = true,
                         .age = std::chrono::hours(5)});
        return *this;
    }

    Lists &knows(const std::string &line, const std::string &resource) { return knows(line, resource, resource); }

    /// Flex accepted the line, and no listing has shown it.
    Lists &knows_unshown(const std::string &line, const std::string &resource, std::chrono::milliseconds age,
                         int tries = 1)
    {
        known.push_back(
            {.line = core::LineItemId(line), .asked = core::ResourceId(resource), .tries = tries, .age = age});
        return *this;
    }

    Lists &knows_lost_add(const std::string &resource)
    {
        known.push_back({.asked = core::ResourceId(resource), .age = std::chrono::minutes(5)});
        return *this;
    }

    Lists &knows_role_sent(const std::string &role)
    {
        known.back().role_sent = core::BusinessRoleId(role);
        return *this;
    }

    Lists &prunes(core::Prune policy)
    {
        prune = policy;
        return *this;
    }

    core::Plan plan() const { return core::plan(crew, lines, known, prune); }
};

/// "add ann r1 foh": the action, the technician (with their call, where it is not "A"), the line or else the resource,
/// the role. The technician of a role is left out where its line is there.
inline std::string words_of(const core::Step &step)
{
    std::string text(core::name_of(step.action));
    const bool is_role_of_line = step.action == core::Action::SetRole && step.line;
    if (step.technician && !is_role_of_line)
        text += " " + step.technician->text();
    if (step.call && !is_role_of_line && step.call->text() != "A")
        text += "@" + step.call->text();
    if (step.line)
        text += " " + step.line->text();
    else if (step.resource)
        text += " " + step.resource->text();
    if (step.role)
        text += " " + step.role->text();
    return text;
}

inline Words words_of(const core::Plan &plan)
{
    Words words;
    for (const core::Step &step : plan.steps)
        words.push_back(words_of(step));
    return words;
}

/// The steps that a plan for these lists has, in their order.
inline Words steps(const Lists &lists)
{
    return words_of(lists.plan());
}

/// The codes of its diagnostics.
inline Words notes(const Lists &lists)
{
    Words codes;
    for (const core::Diagnostic &diagnostic : lists.plan().diagnostics)
        codes.push_back(diagnostic.code);
    return codes;
}

inline std::vector<core::Reason> reasons(const Lists &lists)
{
    std::vector<core::Reason> found;
    for (const core::Step &step : lists.plan().steps)
        found.push_back(step.reason);
    return found;
}

} // namespace unit
