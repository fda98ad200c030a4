// Writing down what was done in Flex, and what becomes of it where that fails.

#include "core/sync_run.hpp"

namespace core {

namespace {

/// An error that comes back with the same row: bad data, a constraint, the user's own trigger. Not a deadlock or a lock
/// timeout, after which the contact stays and the next sync adopts it.
bool comes_back(const std::string &sqlstate)
{
    return sqlstate.starts_with("22") || sqlstate.starts_with("23") || sqlstate.starts_with("P0");
}

} // namespace

/// Writes the rows of what was done, in one go. A technician's row is written only when their contact is there.
void SyncRun::write_rows()
{
    std::vector<Assignment> gone, mapped;
    std::vector<Origin> origins;
    std::unordered_map<std::string, Action> actions;
    for (const Step &step : plan_.steps) {
        if (step.action == Action::Remove && step.drops_row && deleted_.contains(*step.line)) {
            gone.push_back(*step.row);
        } else if (frees_contact(step) && is_open(step)) {
            gone.push_back(*step.row);
        } else if (std::optional<LineItemId> line = line_to_map(step)) {
            mapped.push_back({*step.call, *step.technician, std::move(line)});
            const bool is_add = step.action == Action::Add || found_adds_.erase(*step.resource) > 0;
            origins.push_back(is_add ? Origin::Added : Origin::Adopted);
        } else {
            continue;
        }
        actions.emplace(member_key(*step.call, *step.technician), step.action);
    }
    if (actions.empty())
        return;
    const std::vector<RowError> errors = store_.write(gone, mapped);
    note_row_errors(errors, actions);
    for (std::size_t i = 0; i < mapped.size(); ++i) {
        const std::string key = member_key(mapped[i].call, mapped[i].technician);
        if (closed_rows_.contains(key))
            continue;
        // Whoever this sync has added stays so, also where another contact of theirs showed first.
        Origin &origin = origins_.try_emplace(key, origins[i]).first->second;
        if (origin != Origin::Added)
            origin = origins[i];
    }
    for (const Assignment &row : gone) {
        const auto action = actions.find(member_key(row.call, row.technician));
        stale_ += action->second == Action::Forget && !closed_forgets_.contains(action->first);
    }
    take_back(errors, mapped);
}

/// The contact that the step maps a technician to, if it is there.
std::optional<LineItemId> SyncRun::line_to_map(const Step &step) const
{
    if ((step.action != Action::Add && step.action != Action::Adopt) || has_closed_row(step))
        return std::nullopt;
    if (step.line)
        return *step.line;
    const auto added = added_now_.find(*step.resource);
    return added == added_now_.end() ? std::nullopt : std::optional(added->second);
}

/// What could not be done with these rows is not tried again by this sync. `actions` says what it was to be for.
void SyncRun::note_row_errors(const std::vector<RowError> &errors,
                              const std::unordered_map<std::string, Action> &actions)
{
    for (const RowError &error : errors) {
        const std::string key = member_key(error.row.call, error.row.technician);
        const bool is_forget = actions.at(key) == Action::Forget;
        (is_forget ? closed_forgets_ : closed_rows_).insert(key);
        failures_.push_back(
            {.action = std::string(name_of(actions.at(key))),
             .code = error.sqlstate,
             .message = (is_forget ? "The row cannot be deleted: " : "The row cannot be written: ") + error.message,
             .technician = error.row.technician.text()});
    }
}

/// Takes a contact that was just added out again where no row can be written for it, now or later.
void SyncRun::take_back(const std::vector<RowError> &errors, const std::vector<Assignment> &mapped)
{
    if (errors.empty() || added_.empty())
        return;
    std::unordered_set<LineItemId> needed;
    for (const Assignment &row : mapped)
        if (!closed_rows_.contains(member_key(row.call, row.technician)))
            needed.insert(*row.line);
    std::unordered_map<LineItemId, ResourceId> added;
    for (const auto &[resource, line] : added_)
        added.emplace(line, resource);
    std::vector<Change> changes;
    for (const RowError &error : errors) {
        const auto found = error.row.line ? added.find(*error.row.line) : added.end();
        if (found != added.end() && comes_back(error.sqlstate) && needed.insert(found->first).second)
            changes.push_back({.kind = Change::Kind::Delete, .resource = found->second, .line = found->first});
    }
    // Beyond the request limits they stay, like those that may be written later.
    if (changes.empty() || (policy_.budget && policy_.budget->set_aside(static_cast<int>(changes.size()))))
        return;
    const std::vector<ChangeResult> results = flex_.carry_out(
        element_, changes, [](const LineItemId &) { return true; }, policy_.deadline);
    for (std::size_t i = 0; i < changes.size(); ++i) {
        take_deletion(*changes[i].line, Action::Remove, results[i].answer);
        added_.erase(*changes[i].resource);
        operations_.push_back({.action = Action::Remove,
                               .resource = changes[i].resource,
                               .line = changes[i].line,
                               .answer = results[i].answer});
    }
}

} // namespace core
