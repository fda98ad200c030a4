// Carrying out a plan: the requests first, then the rows that say what was done.

#include "core/sync_run.hpp"

#include <algorithm>

namespace core {

namespace {

/// For a listing that is hardly measurable, and for the rows that are written before it.
constexpr Milliseconds least_reserve(100);

/// True if the step maps a technician to a contact that is still to be added.
bool maps_to_add(const Step &step)
{
    return step.action == Action::Add || (step.action == Action::Adopt && !step.line);
}

template <class T> std::optional<T> copy_of(const T *value)
{
    return value ? std::optional<T>(*value) : std::nullopt;
}

Change change_of(const Step &step)
{
    switch (step.action) {
    case Action::Add:
        return {.kind = Change::Kind::Add, .resource = copy_of(step.resource), .role = copy_of(step.role)};
    case Action::SetRole:
        return {.kind = Change::Kind::SetRole, .line = copy_of(step.line), .role = copy_of(step.role)};
    default:
        return {.kind = Change::Kind::Delete, .line = copy_of(step.line)};
    }
}

} // namespace

/// Sends what the plan asks of Flex and writes the rows. True if anything was sent.
bool SyncRun::carry_out()
{
    const int requests_before = flex_.requests_sent();
    added_now_.clear();
    rehearse_rows();
    const std::vector<const Step *> steps = steps_to_send();
    if (!steps.empty()) {
        std::vector<Change> changes;
        changes.reserve(steps.size());
        for (const Step *step : steps)
            changes.push_back(change_of(*step));
        for (const Step &step : plan_.steps)
            if (step.action == Action::Remove && step.row && is_open(step))
                removal_rows_[*step.line].insert(member_key(*step.call, *step.technician));
        // The closing listing takes about as long as the one before; its time is set aside.
        const auto reserve = std::chrono::ceil<Milliseconds>(listing_.duration * 1.5) + least_reserve;
        std::unordered_set<LineItemId> in_use = lines_in_use();
        guard();
        const std::vector<ChangeResult> results = flex_.carry_out(
            element_, changes, [&in_use](const LineItemId &line) { return in_use.insert(line).second; },
            policy_.deadline - reserve);
        for (std::size_t i = 0; i < steps.size(); ++i)
            take(*steps[i], results[i]);
    }
    write_rows();
    note_roles();
    return flex_.requests_sent() != requests_before;
}

/// Finds the rows that could not be written once Flex has done its part, before anybody is called: such a technician
/// alone is left out.
void SyncRun::rehearse_rows()
{
    std::unordered_set<ResourceId> adds;
    for (const Step &step : plan_.steps)
        if (step.action == Action::Add && is_open(step))
            adds.insert(*step.resource);
    std::vector<Assignment> gone, mapped;
    std::unordered_map<std::string, Action> actions;
    for (const Step &step : plan_.steps) {
        if (has_closed_row(step))
            continue;
        if (((step.action == Action::Remove && step.drops_row) || frees_contact(step)) && is_open(step))
            gone.push_back(*step.row);
        else if (maps_to_add(step) && adds.contains(*step.resource))
            mapped.push_back({*step.call, *step.technician, std::nullopt});
        else if (step.action == Action::Adopt && step.line)
            mapped.push_back({*step.call, *step.technician, *step.line});
        else
            continue;
        actions.emplace(member_key(*step.call, *step.technician), step.action);
    }
    if (!actions.empty())
        note_row_errors(store_.rehearse(gone, mapped), actions);
    close_what_has_no_row();
}

/// The lines that an add cannot be answered with, if what it says is true: all that were there before.
std::unordered_set<LineItemId> SyncRun::lines_in_use() const
{
    std::unordered_set<LineItemId> lines = deleted_;
    for (const Line &line : lines_)
        lines.insert(line.id);
    for (const KnownLine &known : known_.all())
        if (known.line)
            lines.insert(*known.line);
    for (const Assignment &row : crew_.rows)
        if (row.line)
            lines.insert(*row.line);
    return lines;
}

/// A contact whose row cannot go stays; nobody is called of whom no row can tell.
void SyncRun::close_what_has_no_row()
{
    if (closed_rows_.empty())
        return;
    std::unordered_set<ResourceId> needed;
    for (const Step &step : plan_.steps)
        if (maps_to_add(step) && !has_closed_row(step))
            needed.insert(*step.resource);
    for (const Step &step : plan_.steps) {
        if (step.action == Action::Remove && step.drops_row && has_closed_row(step))
            closed_lines_.insert(*step.line);
        else if (step.action == Action::Add && !needed.contains(*step.resource))
            closed_resources_.insert(*step.resource);
    }
}

/// A step for each request, in the order in which they begin: deletions, roles, then adds, each of which brings its
/// role.
std::vector<const Step *> SyncRun::steps_to_send() const
{
    std::vector<const Step *> deletions, roles, adds;
    std::unordered_set<LineItemId> lines;
    for (const Step &step : plan_.steps) {
        if (!is_open(step))
            continue;
        if (step.action == Action::Add)
            adds.push_back(&step);
        else if (step.action == Action::SetRole)
            roles.push_back(&step);
        else if ((step.action == Action::Remove || step.action == Action::Prune) && lines.insert(*step.line).second)
            deletions.push_back(&step);
    }
    std::vector<const Step *> steps = std::move(deletions);
    steps.insert(steps.end(), roles.begin(), roles.end());
    steps.insert(steps.end(), adds.begin(), adds.end());
    return steps;
}

void SyncRun::take(const Step &step, const ChangeResult &result)
{
    Operation operation{.action = step.action,
                        .technician = copy_of(step.technician),
                        .resource = copy_of(step.resource),
                        .line = step.action == Action::Add ? result.line : copy_of(step.line),
                        .role = step.action == Action::SetRole ? copy_of(step.role) : std::nullopt,
                        .answer = result.answer};
    if (step.action == Action::Add)
        take_add(step, result);
    else if (step.action == Action::SetRole)
        take_role(*step.line, *step.role, result.answer);
    else {
        // Should it stay for all that, it is known as ours, and as one that Flex shows.
        if (step.listed)
            known_.shown(*step.listed);
        take_deletion(*step.line, step.action, result.answer);
    }
    operations_.push_back(std::move(operation));
    if (result.role_answer)
        operations_.push_back({.action = Action::SetRole,
                               .technician = copy_of(step.technician),
                               .resource = copy_of(step.resource),
                               .line = result.line,
                               .role = copy_of(step.role),
                               .answer = *result.role_answer});
}

void SyncRun::take_add(const Step &step, const ChangeResult &result)
{
    const ResourceId &resource = *step.resource;
    switch (result.answer.outcome) {
    case Outcome::Done:
        lost_.erase(resource);
        closed_resources_.insert(resource);
        added_.insert_or_assign(resource, *result.line);
        added_now_.insert_or_assign(resource, *result.line);
        known_.added(*result.line, resource);
        if (result.role_answer)
            take_role(*result.line, *step.role, *result.role_answer);
        break;
    case Outcome::Unknown: {
        LostAdd &lost = lost_[resource];
        const bool is_accepted = result.answer.code == "line_taken";
        lost = {.at = clock_.now(), .tries = lost.tries + 1, .is_paused = is_accepted};
        known_.lost(resource, is_accepted);
        break;
    }
    default:
        closed_resources_.insert(resource);
    }
}

void SyncRun::take_deletion(const LineItemId &line, Action action, const Answer &answer)
{
    if (answer.outcome == Outcome::Done) {
        deleted_.insert(line);
        note_deleted(line, action);
    } else if (answer.outcome != Outcome::Unknown) {
        closed_lines_.insert(line);
    }
}

void SyncRun::take_role(const LineItemId &line, const BusinessRoleId &role, const Answer &answer)
{
    if (answer.outcome == Outcome::Done) {
        roles_sent_.insert_or_assign(line, role);
        known_.role_sent(line, role);
    } else if (answer.outcome != Outcome::Unknown) {
        closed_roles_.insert(line);
    }
}

/// A role that Flex does not show must be remembered with its line, also where nothing was known of the line before.
void SyncRun::note_roles()
{
    if (roles_sent_.empty())
        return;
    for (const Step &step : plan_.steps) {
        if ((step.action != Action::Keep && step.action != Action::Adopt) || !step.listed || !step.resource ||
            has_closed_row(step))
            continue;
        if (const auto sent = roles_sent_.find(*step.line); sent != roles_sent_.end()) {
            known_.mapped(*step.listed, *step.resource);
            known_.role_sent(sent->first, sent->second);
        }
    }
}

} // namespace core
