// Carrying out a plan: the requests first, then the rows that say what was done.

#include "core/sync_run.hpp"

#include <algorithm>

namespace core {

namespace {

/// An error that comes back with the same row: bad data, a constraint, the user's own trigger. Not a deadlock or a lock
/// timeout, after which the contact stays and the next sync adopts it.
bool comes_back(const std::string &sqlstate)
{
    return sqlstate.starts_with("22") || sqlstate.starts_with("23") || sqlstate.starts_with("P0");
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
    rehearse_rows();
    const std::vector<const Step *> steps = steps_to_send();
    if (!steps.empty()) {
        std::vector<Change> changes;
        changes.reserve(steps.size());
        for (const Step *step : steps)
            changes.push_back(change_of(*step));
        // The closing listing takes about as long as the one before; its time is set aside.
        const auto reserve = std::chrono::ceil<Milliseconds>(listing_.duration * 1.5);
        const std::vector<ChangeResult> results = flex_.carry_out(element_, changes, policy_.deadline - reserve);
        for (std::size_t i = 0; i < steps.size(); ++i)
            take(*steps[i], results[i]);
    }
    write_rows();
    return !steps.empty();
}

/// Finds the rows that could not be written once Flex has done its part, before anybody is called: such a technician
/// alone is left out.
void SyncRun::rehearse_rows()
{
    std::vector<Assignment> gone, mapped;
    std::unordered_map<ResourceId, int> rows_of_add;
    for (const Step &step : plan_.steps) {
        if (!is_open(step))
            continue;
        if (step.action == Action::Remove && step.drops_row)
            gone.push_back(*step.row);
        else if (step.action == Action::Add || (step.action == Action::Adopt && !step.line)) {
            mapped.push_back({*step.call, *step.technician, std::nullopt});
            ++rows_of_add[*step.resource];
        }
    }
    if (gone.empty() && mapped.empty())
        return;
    const std::vector<RowError> errors = store_.rehearse(gone, mapped);
    if (errors.empty())
        return;
    note_row_errors(errors);
    for (const Step &step : plan_.steps) {
        if (!has_closed_row(step))
            continue;
        if (step.action == Action::Remove)
            closed_lines_.insert(*step.line);
        else if ((step.action == Action::Add || step.action == Action::Adopt) && !step.line &&
                 --rows_of_add[*step.resource] == 0)
            closed_resources_.insert(*step.resource);
    }
}

bool SyncRun::has_closed_row(const Step &step) const
{
    return step.technician && closed_rows_.contains(member_key(*step.call, *step.technician));
}

void SyncRun::note_row_errors(const std::vector<RowError> &errors)
{
    for (const RowError &error : errors) {
        closed_rows_.insert(member_key(error.row.call, error.row.technician));
        failures_.push_back({.action = "write_row",
                             .code = error.sqlstate,
                             .message = "The row cannot be written: " + error.message,
                             .technician = error.row.technician.text()});
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
    else
        take_deletion(*step.line, result.answer);
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
        known_.added(*result.line, resource);
        if (result.role_answer)
            take_role(*result.line, *step.role, *result.role_answer);
        break;
    case Outcome::Unknown: {
        LostAdd &lost = lost_[resource];
        lost = {.at = clock_.now(), .tries = lost.tries + 1};
        known_.lost(resource);
        break;
    }
    default:
        closed_resources_.insert(resource);
    }
}

void SyncRun::take_deletion(const LineItemId &line, const Answer &answer)
{
    if (answer.outcome == Outcome::Done)
        deleted_.insert(line);
    else if (answer.outcome != Outcome::Unknown)
        closed_lines_.insert(line);
}

void SyncRun::take_role(const LineItemId &line, const BusinessRoleId &role, const Answer &answer)
{
    if (answer.outcome == Outcome::Done) {
        roles_sent_.insert_or_assign(line, role);
        known_.role_sent(line, role);
    } else if (answer.outcome != Outcome::Unknown) {
        closed_lines_.insert(line);
    }
}

/// Writes the rows of what was done, in one go. A technician's row is written only when their contact is there.
void SyncRun::write_rows()
{
    std::vector<Assignment> gone, mapped;
    std::vector<Origin> origins;
    for (const Step &step : plan_.steps) {
        if (step.action == Action::Remove && deleted_.contains(*step.line)) {
            ++removed_;
            if (step.drops_row)
                gone.push_back(*step.row);
        }
        if (step.action != Action::Add && (step.action != Action::Adopt || !is_open(step)))
            continue;
        if (!closed_rows_.empty() && has_closed_row(step))
            continue;
        const auto added = step.line ? added_.end() : added_.find(*step.resource);
        if (!step.line && added == added_.end())
            continue;
        mapped.push_back({*step.call, *step.technician, step.line ? *step.line : added->second});
        const bool is_add = step.action == Action::Add || found_adds_.erase(*step.resource) > 0;
        origins.push_back(is_add ? Origin::Added : Origin::Adopted);
    }
    if (gone.empty() && mapped.empty())
        return;
    const std::vector<RowError> errors = store_.write(gone, mapped);
    note_row_errors(errors);
    for (std::size_t i = 0; i < mapped.size(); ++i) {
        const std::string key = member_key(mapped[i].call, mapped[i].technician);
        if (!closed_rows_.contains(key))
            origins_.insert_or_assign(key, origins[i]);
    }
    take_back(errors, mapped);
}

/// Takes a contact that was just added out again where no row can be written for it, now or later.
void SyncRun::take_back(const std::vector<RowError> &errors, const std::vector<Assignment> &mapped)
{
    std::unordered_set<LineItemId> needed;
    for (const Assignment &row : mapped)
        if (!closed_rows_.contains(member_key(row.call, row.technician)))
            needed.insert(*row.line);
    std::vector<Change> changes;
    for (const RowError &error : errors)
        for (const auto &[resource, line] : added_)
            if (error.row.line == line && comes_back(error.sqlstate) && needed.insert(line).second)
                changes.push_back({.kind = Change::Kind::Delete, .resource = resource, .line = line});
    if (changes.empty())
        return;
    const std::vector<ChangeResult> results = flex_.carry_out(element_, changes, policy_.deadline);
    for (std::size_t i = 0; i < changes.size(); ++i) {
        take_deletion(*changes[i].line, results[i].answer);
        added_.erase(*changes[i].resource);
        operations_.push_back({.action = Action::Remove,
                               .resource = changes[i].resource,
                               .line = changes[i].line,
                               .answer = results[i].answer});
    }
}

} // namespace core
