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

Planner::Planner(const Crew &crew, std::span<const Line> lines, std::span<const KnownLine> known, Prune prune,
                 const std::function<void()> &check)
    : crew_(crew), lines_(lines), known_(known), prune_(prune), check_(check)
{
}

/// Hears interrupts now and then.
void Planner::breathe()
{
    if (++breaths_ % breaths_between_checks == 0 && check_)
        check_();
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

    Plan plan;
    plan.diagnostics = std::move(diagnostics_);
    plan.more_diagnostics = more_diagnostics_;
    plan.steps.reserve(members_.size());
    for (std::vector<Step> &steps : steps_) {
        plan.steps.insert(plan.steps.end(), steps.begin(), steps.end());
        steps = {};
    }
    return plan;
}

// ---- reading the lists -------------------------------------------------------------------------------------------

void Planner::index_known()
{
    places_.reserve(std::max(known_.size(), lines_.size()));
    for (const KnownLine &known : known_) {
        breathe();
        if (known.line)
            places_.try_emplace(*known.line, Place{.known = &known});
        else
            lost_adds_.insert(known.asked);
    }
}

void Planner::index_lines()
{
    candidates_.reserve(lines_.size());
    for (const Line &line : lines_) {
        breathe();
        Place &place = places_[line.id];
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
        Place &place = places_.at(*known.line);
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

/// Takes the resource from a member whose resource cannot be used. What it may mean is never pruned.
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
        breathe();
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
            note(Action::Keep, "duplicate_row", "The technician has more than one row on this crew call.",
                 {.action = Action::Keep, .reason = Reason::InPlace, .technician = &row->technician});
        }
    }
}

/// A member belongs to the resource that is desired for them; one without a usable resource to that of their contact.
void Planner::join_groups()
{
    group_by_resource_.reserve(members_.size());
    for (Member &member : members_) {
        const ResourceId *resource = member.resource;
        if (!resource && member.line != none)
            resource = candidates_[member.line].resource;
        if (!resource)
            continue;
        member.group = make_group(*resource);
        Group &group = groups_[member.group];
        if (!member.resource || !member.role)
            continue;
        if (!group.role) {
            group.role = member.role;
            group.role_member = member.desired;
        }
        group.roles_differ = group.roles_differ || member.roles_differ || !(*group.role == *member.role);
    }
}

// ---- which contact serves a resource -------------------------------------------------------------------------------

void Planner::choose_contacts()
{
    for (Candidate &candidate : candidates_)
        candidate.group = group_of(candidate.resource);
    for (const Member &member : members_)
        if (member.line != none && member.group != none && candidates_[member.line].group == member.group)
            candidates_[member.line].is_named_by_member = true;

    for (std::size_t i = 0; i < candidates_.size(); ++i) {
        breathe();
        if (candidates_[i].group == none)
            continue;
        std::size_t &chosen = groups_[candidates_[i].group].chosen;
        if (chosen == none || rank_of(candidates_[i]) < rank_of(candidates_[chosen]))
            chosen = i;
    }
    for (const Group &group : groups_)
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
        if (member.group == none || groups_[member.group].chosen != none)
            continue;
        if (Candidate *candidate = unmarked(member)) {
            groups_[member.group].chosen = member.line;
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
    const auto found = places_.find(line);
    return found == places_.end() ? Place{} : found->second;
}

std::size_t Planner::candidate_of(const Assignment &row) const
{
    return row.line ? place_of(*row.line).candidate : none;
}

std::size_t Planner::group_of(const ResourceId *resource) const
{
    if (!resource)
        return none;
    const auto found = group_by_resource_.find(*resource);
    return found == group_by_resource_.end() ? none : found->second;
}

std::size_t Planner::make_group(const ResourceId &resource)
{
    const auto [found, is_new] = group_by_resource_.emplace(resource, groups_.size());
    if (is_new)
        groups_.push_back({.resource = &resource});
    return found->second;
}

} // namespace core
