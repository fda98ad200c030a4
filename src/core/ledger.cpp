#include "core/ledger.hpp"

#include <algorithm>
#include <utility>

namespace core {

namespace {

constexpr int max_sends_of_an_add = 2;

/// A lost add is known not to have been done when a listing this long after does not show it (I5).
constexpr Milliseconds lost_add_grace(2000);

bool is_unknown(const Operation &operation)
{
    return operation.answer.outcome == Outcome::Unknown;
}

} // namespace

bool frees_contact(const Step &step)
{
    return step.action == Action::Forget && step.reason == Reason::NeededByOther;
}

bool maps_to_add(const Step &step)
{
    return step.action == Action::Add || (step.action == Action::Adopt && !step.line);
}

// ---- what is sent -------------------------------------------------------------------------------------------------

void Ledger::sending(const Step &step)
{
    if (step.action == Action::Remove && step.row && may(step))
        touched_[*step.line].rows.insert(step.row->member());
}

void Ledger::took(const Step &step, const ChangeResult &result, TimePoint now)
{
    Operation operation{.action = step.action,
                        .technician = copy_of(step.technician),
                        .resource = copy_of(step.resource),
                        .line = step.action == Action::Add ? result.line : copy_of(step.line),
                        .role = step.action == Action::SetRole ? copy_of(step.role) : std::nullopt,
                        .answer = result.answer};
    if (step.action == Action::Add) {
        take_add(step, result, now);
        adds_[*step.resource].operation = note(std::move(operation));
    } else if (step.action == Action::SetRole) {
        take_role(*step.line, *step.role, result.answer);
        touched_[*step.line].role_setting = note(std::move(operation));
    } else {
        // Should it stay for all that, it is known as ours, and as one that Flex shows.
        if (step.listed)
            known_.shown(*step.listed);
        take_deletion(*step.line, step.action, result.answer);
        touched_[*step.line].deletion = note(std::move(operation));
    }
    if (!result.role_answer)
        return;
    take_role(*result.line, *step.role, *result.role_answer);
    touched_[*result.line].role_setting = note({.action = Action::SetRole,
                                                .technician = copy_of(step.technician),
                                                .resource = copy_of(step.resource),
                                                .line = result.line,
                                                .role = copy_of(step.role),
                                                .answer = *result.role_answer});
}

void Ledger::take_add(const Step &step, const ChangeResult &result, TimePoint now)
{
    const ResourceId &resource = *step.resource;
    Add &add = adds_[resource];
    switch (result.answer.outcome) {
    case Outcome::Done:
        add.lost.reset();
        add.is_closed = true;
        add.line = result.line;
        add.pass = pass_;
        known_.added(*result.line, resource);
        break;
    case Outcome::Unknown: {
        const bool is_accepted = result.answer.code == "line_taken";
        const int sends = add.lost ? add.lost->sends + 1 : 1;
        add.lost = Lost{.at = now, .sends = sends, .is_paused = is_accepted};
        known_.lost(resource, is_accepted);
        break;
    }
    default:
        add.is_closed = true;
    }
}

void Ledger::take_deletion(const LineItemId &line, Action action, const Answer &answer)
{
    Touched &touched = touched_[line];
    if (answer.outcome == Outcome::Done) {
        touched.is_deleted = true;
        note_removed(line, action);
    } else if (answer.outcome != Outcome::Unknown) {
        touched.is_closed = true;
    }
}

void Ledger::take_role(const LineItemId &line, const BusinessRoleId &role, const Answer &answer)
{
    Touched &touched = touched_[line];
    if (answer.outcome == Outcome::Done) {
        touched.role = role;
        known_.role_sent(line, role);
    } else if (answer.outcome != Outcome::Unknown) {
        touched.is_role_closed = true;
    }
}

void Ledger::took_back(const ResourceId &resource, const LineItemId &line, const Answer &answer)
{
    take_deletion(line, Action::Remove, answer);
    adds_[resource].line.reset();
    touched_[line].deletion = note({.action = Action::Remove, .resource = resource, .line = line, .answer = answer});
}

/// A contact that was added by this sync and taken out again is no removal.
void Ledger::note_removed(const LineItemId &line, Action action)
{
    Touched &touched = touched_[line];
    if (action == Action::Prune || !touched.rows.empty())
        touched.is_removed = true;
}

std::size_t Ledger::note(Operation operation)
{
    operations_.push_back(std::move(operation));
    return operations_.size() - 1;
}

void Ledger::note_earlier_add(const Step &step, TimePoint now)
{
    if (step.action != Action::Add || !may(step) || is_lost(*step.resource))
        return;
    if (const KnownLine *const known = known_.lost_add(*step.resource))
        adds_[*step.resource].lost =
            Lost{.at = now - known->age, .listings = 1, .is_paused = !known->may_be_added_again()};
}

void Ledger::remember_roles(const Plan &plan)
{
    if (touched_.empty())
        return;
    for (const Step &step : plan.steps) {
        if ((step.action != Action::Keep && step.action != Action::Adopt) || !step.listed || !step.resource ||
            has_closed_row(step))
            continue;
        if (const Touched *const touched = find(*step.line); touched && touched->role) {
            known_.mapped(*step.listed, *step.resource);
            known_.role_sent(*step.line, *touched->role);
        }
    }
}

// ---- what listings show -------------------------------------------------------------------------------------------

void Ledger::showed(std::span<const Line> lines)
{
    if (std::none_of(adds_.begin(), adds_.end(), [](const auto &add) { return add.second.lost.has_value(); }))
        return;
    for (const Line &line : lines) {
        const auto found = line.resource ? adds_.find(*line.resource) : adds_.end();
        if (found == adds_.end() || !found->second.lost || line.kind == LineKind::Other)
            continue;
        auto &[resource, add] = *found;
        if (add.operation != none) {
            operations_[add.operation].answer.outcome = Outcome::Done;
            operations_[add.operation].line = line.id;
        }
        const std::size_t operation = add.operation;
        add = {.line = line.id, .is_found = true, .is_closed = true, .operation = operation};
        known_.found(line.id, resource);
    }
}

void Ledger::judge(std::span<const Line> lines, TimePoint asked_at)
{
    if (std::any_of(operations_.begin(), operations_.end(), is_unknown)) {
        std::unordered_map<LineItemId, const Line *> listed;
        for (const Line &line : lines)
            listed.emplace(line.id, &line);
        for (auto &[id, touched] : touched_) {
            const auto line = listed.find(id);
            if (touched.deletion != none && is_unknown(operations_[touched.deletion]) && line == listed.end()) {
                operations_[touched.deletion].answer.outcome = Outcome::Done;
                note_removed(id, operations_[touched.deletion].action);
            }
            if (touched.role_setting != none && is_unknown(operations_[touched.role_setting]) && line != listed.end() &&
                line->second->role == operations_[touched.role_setting].role)
                operations_[touched.role_setting].answer.outcome = Outcome::Done;
        }
    }
    for (auto &[resource, add] : adds_)
        if (add.lost)
            judge_lost_add(*add.lost, asked_at);
}

/// One that the listing has not shown.
void Ledger::judge_lost_add(Lost &lost, TimePoint asked_at) const
{
    if (lost.is_settled || lost.is_paused)
        return;
    ++lost.listings;
    lost.is_settled = lost.listings >= 2 && asked_at >= lost.at + lost_add_grace;
}

// ---- what is written down -----------------------------------------------------------------------------------------

void Ledger::close_what_has_no_row(const Plan &plan)
{
    if (std::none_of(rows_.begin(), rows_.end(), [](const auto &row) { return row.second.is_closed; }))
        return;
    std::unordered_set<ResourceId> needed;
    for (const Step &step : plan.steps)
        if (maps_to_add(step) && !has_closed_row(step))
            needed.insert(*step.resource);
    for (const Step &step : plan.steps) {
        if (step.action == Action::Remove && step.drops_row && has_closed_row(step))
            touched_[*step.line].is_closed = true;
        else if (step.action == Action::Add && !needed.contains(*step.resource))
            adds_[*step.resource].is_closed = true;
    }
}

/// Whoever this sync has added stays so, also where another contact of theirs showed first.
void Ledger::mapped(const Step &step)
{
    const auto add = adds_.find(*step.resource);
    const bool is_found = add != adds_.end() && std::exchange(add->second.is_found, false);
    Row &row = rows_[{*step.call, *step.technician}];
    if (row.origin != Origin::Added)
        row.origin = step.action == Action::Add || is_found ? Origin::Added : Origin::Adopted;
}

// ---- what is still to do ------------------------------------------------------------------------------------------

bool Ledger::may(const Step &step) const
{
    switch (step.action) {
    case Action::Forget:
        return !has_closed_forget(step) && !has_closed_row(step);
    case Action::Remove:
    case Action::Prune:
        return !is_closed(*step.line);
    case Action::SetRole: {
        const Touched *const touched = step.line ? find(*step.line) : nullptr;
        return step.line && !(touched && touched->is_role_closed) && !is_lag(step);
    }
    case Action::Adopt:
        // Without a line it follows from an add.
        return step.line && !has_closed_row(step);
    case Action::Add: {
        const Add *const add = find(step.resource);
        return !add ||
               (!add->is_closed && (!add->lost || (add->lost->is_settled && add->lost->sends < max_sends_of_an_add)));
    }
    case Action::Keep:
    case Action::Retain:
    case Action::Skip:
        return false;
    }
    return false;
}

std::optional<LineItemId> Ledger::line_to_map(const Step &step) const
{
    if ((step.action != Action::Add && step.action != Action::Adopt) || has_closed_row(step))
        return std::nullopt;
    if (step.line)
        return *step.line;
    const Add *const add = find(step.resource);
    return add && add->pass == pass_ ? add->line : std::nullopt;
}

bool Ledger::is_lag(const Step &step) const
{
    if (step.action == Action::SetRole && step.line) {
        const Touched *const touched = find(*step.line);
        return touched && touched->role == *step.role;
    }
    const bool is_superseded = step.action == Action::Prune && !step.listed;
    if (step.reason != Reason::NotShownYet && !is_superseded)
        return false;
    const Add *const add = find(step.resource);
    return add && add->line == *step.line;
}

bool Ledger::is_waiting() const
{
    return time_to_settle({}).has_value();
}

std::optional<Milliseconds> Ledger::time_to_settle(TimePoint now) const
{
    std::optional<Milliseconds> longest;
    for (const auto &[resource, add] : adds_)
        if (add.lost && !add.lost->is_settled && !add.lost->is_paused)
            longest = std::max(longest.value_or(Milliseconds(0)),
                               std::chrono::ceil<Milliseconds>(add.lost->at + lost_add_grace - now));
    return longest;
}

// ---- what became of it --------------------------------------------------------------------------------------------

bool Ledger::is_last(std::size_t operation) const
{
    const Operation &about = operations_[operation];
    return last_about(about.action, about.resource ? &*about.resource : nullptr, about.line ? &*about.line : nullptr) ==
           operation;
}

bool Ledger::has_failed(const Step &step) const
{
    const std::size_t last = last_about(step.action, step.resource, step.line);
    if (last == none || operations_[last].answer.outcome == Outcome::Done)
        return false;
    return !operations_[last].line || !is_deleted(*operations_[last].line);
}

/// An add is about its resource, and so is what follows from it and has no line yet.
std::size_t Ledger::last_about(Action action, const ResourceId *resource, const LineItemId *line) const
{
    if (action == Action::Add || !line) {
        const Add *const add = find(resource);
        return add ? add->operation : none;
    }
    const Touched *const touched = find(*line);
    if (!touched)
        return none;
    if (action == Action::SetRole)
        return touched->role_setting;
    return action == Action::Remove || action == Action::Prune ? touched->deletion : none;
}

bool Ledger::has_closed_row(const Step &step) const
{
    const Row *const row = find(step);
    return row && row->is_closed;
}

bool Ledger::has_closed_forget(const Step &step) const
{
    const Row *const row = find(step);
    return row && row->is_forget_closed;
}

bool Ledger::is_closed(const LineItemId &line) const
{
    const Touched *const touched = find(line);
    return touched && touched->is_closed;
}

bool Ledger::is_lost(const ResourceId &resource) const
{
    const Add *const add = find(&resource);
    return add && add->lost;
}

std::unordered_map<LineItemId, ResourceId> Ledger::added_lines() const
{
    std::unordered_map<LineItemId, ResourceId> lines;
    for (const auto &[resource, add] : adds_)
        if (add.line)
            lines.emplace(*add.line, resource);
    return lines;
}

bool Ledger::is_deleted(const LineItemId &line) const
{
    const Touched *const touched = find(line);
    return touched && touched->is_deleted;
}

std::vector<LineItemId> Ledger::deleted_lines() const
{
    std::vector<LineItemId> lines;
    for (const auto &[line, touched] : touched_)
        if (touched.is_deleted)
            lines.push_back(line);
    return lines;
}

bool Ledger::is_being_removed(const LineItemId &line) const
{
    const Touched *const touched = find(line);
    return touched && !touched->rows.empty();
}

bool Ledger::is_removed(const LineItemId &line) const
{
    const Touched *const touched = find(line);
    return touched && touched->is_removed;
}

std::size_t Ledger::removed_lines() const
{
    return static_cast<std::size_t>(
        std::count_if(touched_.begin(), touched_.end(), [](const auto &line) { return line.second.is_removed; }));
}

int Ledger::removed_members() const
{
    std::size_t members = 0;
    for (const auto &[line, touched] : touched_)
        members += touched.is_removed ? touched.rows.size() : 0;
    return static_cast<int>(members);
}

Origin Ledger::origin_of(const Step &step) const
{
    const Row *const row = find(step);
    return row ? row->origin.value_or(Origin::Kept) : Origin::Kept;
}

const Ledger::Add *Ledger::find(const ResourceId *resource) const
{
    const auto found = resource ? adds_.find(*resource) : adds_.end();
    return found == adds_.end() ? nullptr : &found->second;
}

const Ledger::Touched *Ledger::find(const LineItemId &line) const
{
    const auto found = touched_.find(line);
    return found == touched_.end() ? nullptr : &found->second;
}

/// Of the step's technician. Most syncs write no row, and need not look.
const Ledger::Row *Ledger::find(const Step &step) const
{
    if (rows_.empty() || !step.technician || !step.call)
        return nullptr;
    const auto found = rows_.find({*step.call, *step.technician});
    return found == rows_.end() ? nullptr : &found->second;
}

} // namespace core
