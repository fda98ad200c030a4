// The second half of a plan: what each row, technician and line left over comes to.

#include "core/planner.hpp"

namespace core {

void Planner::plan_rows_of_others()
{
    for (const Assignment *row : rows_of_others_) {
        const std::size_t line = candidate_of(*row);
        if (line == none)
            forget(*row, row->line ? Reason::NotDesiredAndGone : Reason::NamesNoLine);
        else if (is_left_to_others(candidates_[line]))
            forget(*row, Reason::NeededByOther);
        else
            remove(candidates_[line], *row, Reason::NotDesired, true);
    }
}

void Planner::plan_member(Member &member)
{
    breathe();
    const bool is_in_place = member.line != none && candidates_[member.line].is_chosen &&
                             (member.group == none || groups_[member.group].chosen == member.line);
    if (is_in_place)
        return keep(member, candidates_[member.line]);

    forget_if_stale(member);
    if (member.group == none)
        return skip(member);

    Group &group = groups_[member.group];
    if (group.chosen != none)
        adopt(member, &candidates_[group.chosen], *group.resource);
    else if (group.is_added)
        adopt(member, nullptr, *group.resource);
    else
        add(member, group);

    // A contact that shows no resource may be anybody's: without a row that names it, it is left alone.
    if (member.line == none || !candidates_[member.line].resource || is_left_to_others(candidates_[member.line]))
        return;
    Candidate &old = candidates_[member.line];
    remove(old, *member.row, old.group == none ? Reason::ResourceChanged : Reason::Surplus, false);
}

/// True if the technician whose row names the contact must not take it along: it serves somebody else, or may serve
/// somebody whose resource is not clear. So may one that no listing has shown yet, while another of its resource is
/// there: Flex may have named it otherwise than it shows it.
bool Planner::is_left_to_others(const Candidate &candidate) const
{
    if (candidate.is_chosen)
        return true;
    if (!candidate.resource)
        return false;
    return unclear_.contains(*candidate.resource) || (!candidate.listed && candidate.group != none);
}

void Planner::plan_roles()
{
    for (const Group &group : groups_) {
        if (!group.role && !group.roles_differ)
            continue;
        const Candidate *candidate = group.chosen == none ? nullptr : &candidates_[group.chosen];
        Step step{
            .action = Action::SetRole, .reason = Reason::RoleDiffers, .resource = group.resource, .role = group.role};
        if (group.role_member) {
            step.call = &group.role_member->call;
            step.technician = &group.role_member->technician;
        }
        if (candidate) {
            step.line = candidate->id;
            step.listed = candidate->listed;
        }
        if (group.roles_differ)
            note(Action::SetRole, "role_conflict",
                 "Different business roles are desired for one resource; its role is left alone.", step);
        else if (!candidate || (candidate->listed && !role_is_known_sent(*candidate, *group.role)))
            put(step);
    }
}

/// A role that Flex does not show is sent once, and remembered.
bool Planner::role_is_known_sent(const Candidate &candidate, const BusinessRoleId &role) const
{
    if (candidate.listed->role)
        return *candidate.listed->role == role;
    return candidate.known && candidate.known->role_sent == role;
}

void Planner::plan_unnamed(const Candidate &candidate)
{
    breathe();
    if (!candidate.listed)
        return plan_superseded(candidate);
    if (candidate.is_chosen)
        return note_spelling(candidate);
    if (candidate.is_removed)
        return;
    const bool is_surplus = candidate.group != none;
    Step step{.action = Action::Retain,
              .reason = Reason::PolicyRetains,
              .resource = candidate.resource,
              .line = candidate.id,
              .listed = candidate.listed};
    if (candidate.listed->kind == LineKind::Untyped)
        return note(Action::Retain, "untyped_line", "Flex does not say what kind of line this is; it is left alone.",
                    step);
    if (!candidate.resource)
        return note(Action::Retain, "contact_without_resource",
                    "Flex shows no resource for this contact; it is left alone.", step);
    if (unclear_.contains(*candidate.resource)) {
        step.reason = Reason::ResourceUnclear;
    } else if (prune_ == Prune::All || (prune_ == Prune::Owned && is_ours(candidate))) {
        step.action = Action::Prune;
        step.reason = is_surplus ? Reason::Surplus : Reason::NotDesired;
    }
    put(step);
}

/// What Flex accepted and no listing has shown, while another contact serves its resource: Flex has two.
void Planner::plan_superseded(const Candidate &candidate)
{
    if (candidate.group == none || candidate.is_chosen || candidate.is_removed)
        return;
    const std::size_t chosen = groups_[candidate.group].chosen;
    if (chosen == none || !candidates_[chosen].listed)
        return;
    const bool is_left = prune_ == Prune::None || unclear_.contains(*candidate.resource);
    put({.action = is_left ? Action::Retain : Action::Prune,
         .reason = is_left ? Reason::NotShownYet : Reason::Surplus,
         .resource = candidate.resource,
         .line = candidate.id});
}

bool Planner::is_ours(const Candidate &candidate) const
{
    return candidate.known || lost_adds_.contains(*candidate.resource);
}

// ---- putting steps -------------------------------------------------------------------------------------------------

void Planner::forget(const Assignment &row, Reason reason)
{
    put({.action = Action::Forget,
         .reason = reason,
         .call = &row.call,
         .technician = &row.technician,
         .line = row.line ? &*row.line : nullptr,
         .row = &row});
}

void Planner::forget_if_stale(const Member &member)
{
    if (member.row && member.row->line && member.line == none)
        forget(*member.row, place_of(*member.row->line).is_other ? Reason::LineIsNoContact : Reason::ContactGone);
}

void Planner::remove(Candidate &candidate, const Assignment &row, Reason reason, bool drops_row)
{
    candidate.is_removed = true;
    put({.action = Action::Remove,
         .reason = reason,
         .call = &row.call,
         .technician = &row.technician,
         .resource = candidate.resource,
         .line = candidate.id,
         .row = &row,
         .listed = candidate.listed,
         .drops_row = drops_row});
}

void Planner::keep(Member &member, Candidate &candidate)
{
    Step step{.action = Action::Keep,
              .reason = candidate.listed ? Reason::InPlace : Reason::NotShownYet,
              .call = &member.desired->call,
              .technician = &member.desired->technician,
              .resource = member.resource ? member.resource : candidate.resource,
              .line = candidate.id,
              .row = member.row};
    step.listed = candidate.listed;
    put(step);
    if (!member.resource && member.problem != Reason::NoResource)
        note(Action::Keep, "resource_unclear",
             "The technician " + std::string(sentence_of(member.problem)) +
                 "; the contact that their row names is kept.",
             step);
}

void Planner::adopt(const Member &member, const Candidate *candidate, const ResourceId &resource)
{
    Step step{.action = Action::Adopt,
              .reason = Reason::SharedWithOther,
              .call = &member.desired->call,
              .technician = &member.desired->technician,
              .resource = &resource,
              .row = member.row};
    if (candidate) {
        step.reason = candidate->listed ? Reason::ContactThere : Reason::NotShownYet;
        step.line = candidate->id;
        step.listed = candidate->listed;
    }
    put(step);
}

void Planner::add(const Member &member, Group &group)
{
    group.is_added = true;
    put({.action = Action::Add,
         .reason = Reason::NotOnCall,
         .call = &member.desired->call,
         .technician = &member.desired->technician,
         .resource = group.resource,
         .role = group.roles_differ ? nullptr : group.role,
         .row = member.row});
}

void Planner::skip(const Member &member)
{
    const Step step{.action = Action::Skip,
                    .reason = member.problem,
                    .call = &member.desired->call,
                    .technician = &member.desired->technician,
                    .resource = member.desired->resource ? &*member.desired->resource : nullptr,
                    .row = member.row};
    put(step);
    const char *code = member.problem == Reason::NoResource         ? "no_resource"
                       : member.problem == Reason::ResourceConflict ? "resource_conflict"
                                                                    : "resource_malformed";
    note(Action::Skip, code, "The technician " + std::string(sentence_of(member.problem)) + ".", step);
}

void Planner::note_spelling(const Candidate &candidate)
{
    if (candidate.listed->resource && candidate.resource && !(*candidate.listed->resource == *candidate.resource))
        note(Action::Keep, "resource_differs",
             "Flex shows resource \"" + candidate.listed->resource->text() + "\" for a contact of this one.",
             {.action = Action::Keep, .reason = Reason::InPlace, .resource = candidate.resource, .line = candidate.id});
    else if (!candidate.listed->resource)
        note(Action::Keep, "contact_without_resource", "Flex shows no resource for this contact; it is left alone.",
             {.action = Action::Keep, .reason = Reason::InPlace, .resource = candidate.resource, .line = candidate.id});
}

void Planner::note(Action action, std::string code, std::string message, const Step &about)
{
    if (diagnostics_.size() == max_diagnostics) {
        ++more_diagnostics_;
        return;
    }
    Diagnostic diagnostic{
        .action = std::string(name_of(action)), .code = std::move(code), .message = std::move(message)};
    if (about.technician)
        diagnostic.technician = about.technician->text();
    if (about.resource)
        diagnostic.resource = about.resource->text();
    if (about.line)
        diagnostic.line = about.line->text();
    diagnostics_.push_back(std::move(diagnostic));
}

void Planner::put(const Step &step)
{
    steps_[static_cast<std::size_t>(step.action)].push_back(step);
}

} // namespace core
