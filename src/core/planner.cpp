#include "core/planner.hpp"

#include "core/resource_text.hpp"

#include <algorithm>
#include <tuple>

namespace core {

namespace {

constexpr std::size_t breaths_between_checks = 4096;

/// What says who it is about, in the order of `in_order`.
template <class T> auto key_of(const T &about)
{
    return std::tie(about.call, about.technician);
}

/// Most come in order already.
template <class T> std::vector<const T *> in_order(const std::vector<T> &list)
{
    std::vector<const T *> ordered;
    ordered.reserve(list.size());
    for (const T &element : list)
        ordered.push_back(&element);
    const auto is_less = [](const T *a, const T *b) { return *a < *b; };
    if (!std::is_sorted(ordered.begin(), ordered.end(), is_less))
        std::sort(ordered.begin(), ordered.end(), is_less);
    return ordered;
}

} // namespace

void Draft::note(Action action, std::string code, std::string message, const Step &about)
{
    if (plan_.diagnostics.size() == max_diagnostics) {
        ++plan_.more_diagnostics;
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
    plan_.diagnostics.push_back(std::move(diagnostic));
}

Plan Draft::finish()
{
    std::size_t count = 0;
    for (const std::vector<Step> &steps : steps_)
        count += steps.size();
    plan_.steps.reserve(count);
    for (std::vector<Step> &steps : steps_) {
        plan_.steps.insert(plan_.steps.end(), steps.begin(), steps.end());
        steps = {};
    }
    return std::move(plan_);
}

void Breath::take()
{
    if (++taken_ % breaths_between_checks == 0 && check_)
        check_();
}

Planner::Planner(const Crew &crew, std::span<const Line> lines, std::span<const KnownLine> known, Prune prune,
                 const std::function<void()> &check)
    : crew_(crew), lines_(lines), known_(known), prune_(prune), breath_(check)
{
}

Plan Planner::run()
{
    index_known();
    index_lines();
    collect_members();
    attach_rows();
    join_groups();
    choose_contacts();

    plan_rows_of_others();
    for (Member &member : members_)
        plan_member(member);
    plan_roles();
    for (const Candidate &candidate : candidates_)
        plan_unnamed(candidate);

    return draft_.finish();
}

// ---- reading the lists --------------------------------------------------------------------------------------------

void Planner::index_known()
{
    index_.places.reserve(std::max(known_.size(), lines_.size()));
    for (const KnownLine &known : known_) {
        breath_.take();
        if (known.line)
            index_.places.try_emplace(*known.line, Place{.known = &known});
        else
            index_.lost_adds.insert(known.asked);
    }
}

void Planner::index_lines()
{
    candidates_.reserve(lines_.size());
    for (const Line &line : lines_) {
        breath_.take();
        Place &place = index_.places[line.id];
        if (line.kind == LineKind::Other) {
            place.is_other = true;
        } else if (place.candidate == none) {
            place.candidate = candidates_.size();
            candidates_.push_back(
                {.id = &line.id, .listed = &line, .known = place.known, .resource = resource_of(line, place.known)});
        }
    }
    // A line that Flex accepted and no listing has shown is not gone: it stands in until it shows, or may be tried
    // again.
    for (const KnownLine &known : known_) {
        if (!known.line || known.was_shown || known.may_be_added_again())
            continue;
        Place &place = index_.places.at(*known.line);
        if (place.is_other || place.candidate != none)
            continue;
        place.candidate = candidates_.size();
        candidates_.push_back({.id = &*known.line, .known = &known, .resource = &known.asked});
    }
}

/// A line that still shows what it showed counts as the resource that was asked for: spellings must not make us add and
/// remove for ever.
const ResourceId *Planner::resource_of(const Line &line, const KnownLine *known) const
{
    if (known && !known->asked.empty() && (!known->was_shown || known->shown == line.resource))
        return &known->asked;
    return line.resource ? &*line.resource : nullptr;
}

void Planner::collect_members()
{
    members_.reserve(crew_.desired.size());
    for (const DesiredMember *desired : in_order(crew_.desired)) {
        if (members_.empty() || key_of(*members_.back().desired) != key_of(*desired))
            members_.push_back({.desired = desired});
        merge(members_.back(), *desired);
    }
    for (Member &member : members_)
        judge_resource(member);
}

void Planner::merge(Member &member, const DesiredMember &again)
{
    if (again.resource && !again.resource->empty()) {
        if (!member.resource)
            member.resource = &*again.resource;
        else if (!(*member.resource == *again.resource)) {
            member.problem = Reason::ResourceConflict;
            note_unclear(*again.resource);
        }
    }
    if (again.role && !again.role->empty()) {
        if (!member.role)
            member.role = &*again.role;
        else if (!(*member.role == *again.role))
            member.roles_differ = true;
    }
}

/// Takes the resource from a member whose resource cannot be used. Contacts that could be this technician's are not
/// pruned.
void Planner::judge_resource(Member &member)
{
    if (!member.resource)
        return;
    if (member.problem != Reason::ResourceConflict) {
        if (member.resource->is_uuid() || !is_malformed_resource(member.resource->text()))
            return;
        member.problem = Reason::ResourceMalformed;
    }
    note_unclear(*member.resource);
    member.resource = nullptr;
}

void Planner::note_unclear(const ResourceId &resource)
{
    unclear_.insert(resource);
    unclear_.insert(ResourceId(trimmed_resource(resource.text())));
}

void Planner::attach_rows()
{
    auto member = members_.begin();
    for (const Assignment *row : in_order(crew_.rows)) {
        breath_.take();
        const std::size_t line = candidate_of(*row);
        if (line != none)
            candidates_[line].is_named = true;
        while (member != members_.end() && key_of(*member->desired) < key_of(*row))
            ++member;
        if (member == members_.end() || key_of(*member->desired) != key_of(*row)) {
            rows_of_others_.push_back(row);
        } else if (!member->row || (member->line == none && line != none)) {
            member->row = row;
            member->line = line;
        } else {
            // Only without the unique index, where nothing but a plan is made: the clean-up says which row goes.
            draft_.note(Action::Keep, "duplicate_row", "The technician has more than one row on this crew call.",
                        {.action = Action::Keep, .reason = Reason::InPlace, .technician = &row->technician});
        }
    }
}

/// A member belongs to the resource that is desired for them; one without a usable resource to that of their contact.
void Planner::join_groups()
{
    groups_.places.reserve(members_.size());
    for (Member &member : members_) {
        const ResourceId *resource = member.resource;
        if (!resource && member.line != none)
            resource = candidates_[member.line].resource;
        if (!resource)
            continue;
        member.group = make_group(*resource);
        Group &group = groups_.list[member.group];
        if (!member.resource || !member.role)
            continue;
        if (!group.role) {
            group.role = member.role;
            group.role_member = member.desired;
        }
        group.roles_differ = group.roles_differ || member.roles_differ || !(*group.role == *member.role);
    }
}

// ---- which contact serves a resource ------------------------------------------------------------------------------

void Planner::choose_contacts()
{
    for (Candidate &candidate : candidates_)
        candidate.group = group_of(candidate.resource);
    for (const Member &member : members_)
        if (member.line != none && member.group != none && candidates_[member.line].group == member.group)
            candidates_[member.line].is_named_by_member = true;

    for (std::size_t i = 0; i < candidates_.size(); ++i) {
        breath_.take();
        if (candidates_[i].group == none)
            continue;
        std::size_t &chosen = groups_.list[candidates_[i].group].chosen;
        if (chosen == none || rank_of(candidates_[i]) < rank_of(candidates_[chosen]))
            chosen = i;
    }
    for (const Group &group : groups_.list)
        if (group.chosen != none)
            candidates_[group.chosen].is_chosen = true;
    choose_unmarked_contacts();
}

/// A contact that shows no resource serves the technician whose row names it: when we do not know, nobody is called
/// twice. So whoever would else be called comes before whoever has no resource.
void Planner::choose_unmarked_contacts()
{
    const auto unmarked = [this](const Member &member) -> Candidate * {
        if (member.line == none || candidates_[member.line].resource || candidates_[member.line].is_chosen)
            return nullptr;
        return &candidates_[member.line];
    };
    for (const Member &member : members_) {
        if (member.group == none || groups_.list[member.group].chosen != none)
            continue;
        if (Candidate *candidate = unmarked(member)) {
            groups_.list[member.group].chosen = member.line;
            candidate->is_chosen = true;
        }
    }
    for (const Member &member : members_)
        if (Candidate *candidate = member.group == none ? unmarked(member) : nullptr)
            candidate->is_chosen = true;
}

Planner::Rank Planner::rank_of(const Candidate &candidate) const
{
    if (!candidate.listed)
        return Rank::NotShown;
    if (candidate.is_named_by_member)
        return Rank::NamedByMember;
    if (candidate.is_named)
        return Rank::Named;
    return candidate.listed->kind == LineKind::Contact ? Rank::Contact : Rank::Untyped;
}

Planner::Place Planner::place_of(const LineItemId &line) const
{
    const auto found = index_.places.find(line);
    return found == index_.places.end() ? Place{} : found->second;
}

std::size_t Planner::candidate_of(const Assignment &row) const
{
    return row.line ? place_of(*row.line).candidate : none;
}

std::size_t Planner::group_of(const ResourceId *resource) const
{
    if (!resource)
        return none;
    const auto found = groups_.places.find(*resource);
    return found == groups_.places.end() ? none : found->second;
}

std::size_t Planner::make_group(const ResourceId &resource)
{
    const auto [found, is_new] = groups_.places.emplace(resource, groups_.list.size());
    if (is_new)
        groups_.list.push_back({.resource = &resource});
    return found->second;
}

// ---- what each row, technician and line left over comes to --------------------------------------------------------

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
    breath_.take();
    const bool is_in_place = member.line != none && candidates_[member.line].is_chosen &&
                             (member.group == none || groups_.list[member.group].chosen == member.line);
    if (is_in_place)
        return keep(member, candidates_[member.line]);

    forget_if_stale(member);
    if (member.group == none)
        return skip(member);

    Group &group = groups_.list[member.group];
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
    for (const Group &group : groups_.list) {
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
            draft_.note(Action::SetRole, "role_conflict",
                        "Different business roles are desired for one resource; its role is left alone.", step);
        else if (!candidate || (candidate->listed && !role_is_known_sent(*candidate, *group.role)))
            draft_.put(step);
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
    breath_.take();
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
        return draft_.note(Action::Retain, "untyped_line",
                           "Flex does not say what kind of line this is; it is left alone.", step);
    if (!candidate.resource)
        return draft_.note(Action::Retain, "contact_without_resource",
                           "Flex shows no resource for this contact; it is left alone.", step);
    if (unclear_.contains(*candidate.resource)) {
        step.reason = Reason::ResourceUnclear;
    } else if (prune_ == Prune::All || (prune_ == Prune::Owned && is_ours(candidate))) {
        step.action = Action::Prune;
        step.reason = is_surplus ? Reason::Surplus : Reason::NotDesired;
    }
    draft_.put(step);
}

/// What Flex accepted and no listing has shown, while another contact serves its resource: Flex has two.
void Planner::plan_superseded(const Candidate &candidate)
{
    if (candidate.group == none || candidate.is_chosen || candidate.is_removed)
        return;
    const std::size_t chosen = groups_.list[candidate.group].chosen;
    if (chosen == none || !candidates_[chosen].listed)
        return;
    const bool is_left = prune_ == Prune::None || unclear_.contains(*candidate.resource);
    draft_.put({.action = is_left ? Action::Retain : Action::Prune,
                .reason = is_left ? Reason::NotShownYet : Reason::Surplus,
                .resource = candidate.resource,
                .line = candidate.id});
}

bool Planner::is_ours(const Candidate &candidate) const
{
    return candidate.known || index_.lost_adds.contains(*candidate.resource);
}

// ---- putting steps ------------------------------------------------------------------------------------------------

void Planner::forget(const Assignment &row, Reason reason)
{
    draft_.put({.action = Action::Forget,
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
    draft_.put({.action = Action::Remove,
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
    draft_.put(step);
    if (!member.resource && member.problem != Reason::NoResource)
        draft_.note(Action::Keep, "resource_unclear",
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
    draft_.put(step);
}

void Planner::add(const Member &member, Group &group)
{
    group.is_added = true;
    draft_.put({.action = Action::Add,
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
    draft_.put(step);
    const char *code = member.problem == Reason::NoResource         ? "no_resource"
                       : member.problem == Reason::ResourceConflict ? "resource_conflict"
                                                                    : "resource_malformed";
    draft_.note(Action::Skip, code, "The technician " + std::string(sentence_of(member.problem)) + ".", step);
}

void Planner::note_spelling(const Candidate &candidate)
{
    if (candidate.listed->resource && candidate.resource && !(*candidate.listed->resource == *candidate.resource))
        draft_.note(
            Action::Keep, "resource_differs",
            "Flex shows resource \"" + candidate.listed->resource->text() + "\" for a contact of this one.",
            {.action = Action::Keep, .reason = Reason::InPlace, .resource = candidate.resource, .line = candidate.id});
    else if (!candidate.listed->resource)
        draft_.note(
            Action::Keep, "contact_without_resource", "Flex shows no resource for this contact; it is left alone.",
            {.action = Action::Keep, .reason = Reason::InPlace, .resource = candidate.resource, .line = candidate.id});
}

} // namespace core
