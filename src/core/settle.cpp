// What is still to do, and whether the guards let it be done.

#include "core/sync_run.hpp"

#include <algorithm>

namespace core {

namespace {

constexpr int max_sends_of_an_add = 2;

} // namespace

std::string member_key(const CrewCallId &call, const TechnicianId &technician)
{
    return call.canonical() + '/' + technician.canonical();
}

bool frees_contact(const Step &step)
{
    return step.action == Action::Forget && step.reason == Reason::NeededByOther;
}

std::string target_of(Action action, const ResourceId *resource, const LineItemId *line)
{
    if (action == Action::Add || !line)
        return "add/" + (resource ? resource->canonical() : std::string());
    if (action == Action::Prune)
        action = Action::Remove;
    return std::string(name_of(action)) + '/' + line->canonical();
}

std::string target_of(const Operation &operation)
{
    return target_of(operation.action, operation.resource ? &*operation.resource : nullptr,
                     operation.line ? &*operation.line : nullptr);
}

/// True if this sync may still carry the step out.
bool SyncRun::is_open(const Step &step) const
{
    switch (step.action) {
    case Action::Forget:
        return !has_closed_forget(step) && !has_closed_row(step);
    case Action::Remove:
    case Action::Prune:
        return !closed_lines_.contains(*step.line);
    case Action::SetRole:
        return step.line && !closed_roles_.contains(*step.line) && !is_lag(step);
    case Action::Adopt:
        // Without a line it follows from an add.
        return step.line && !has_closed_row(step);
    case Action::Add: {
        if (closed_resources_.contains(*step.resource))
            return false;
        const auto lost = lost_.find(*step.resource);
        return lost == lost_.end() || (lost->second.is_settled && lost->second.tries < max_sends_of_an_add);
    }
    case Action::Keep:
    case Action::Retain:
    case Action::Skip:
        return false;
    }
    return false;
}

bool SyncRun::has_open_steps() const
{
    return std::any_of(plan_.steps.begin(), plan_.steps.end(), [this](const Step &step) { return is_open(step); });
}

bool SyncRun::has_closed_row(const Step &step) const
{
    return !closed_rows_.empty() && step.technician && closed_rows_.contains(member_key(*step.call, *step.technician));
}

bool SyncRun::has_closed_forget(const Step &step) const
{
    return !closed_forgets_.empty() && closed_forgets_.contains(member_key(*step.call, *step.technician));
}

/// True if the step only says that a listing does not show yet what Flex accepted from this sync.
bool SyncRun::is_lag(const Step &step) const
{
    if (step.action == Action::SetRole && step.line) {
        const auto sent = roles_sent_.find(*step.line);
        return sent != roles_sent_.end() && sent->second == *step.role;
    }
    const bool is_superseded = step.action == Action::Prune && !step.listed;
    if (step.reason != Reason::NotShownYet && !is_superseded)
        return false;
    const auto added = added_.find(*step.resource);
    return added != added_.end() && added->second == *step.line;
}

bool SyncRun::is_lagging() const
{
    return deleted_but_shown_ > 0 ||
           std::any_of(plan_.steps.begin(), plan_.steps.end(), [this](const Step &step) { return is_lag(step); });
}

/// True if the step forgets the row of somebody who is still desired, and whose contact went without our doing.
bool SyncRun::is_recall(const Step &step) const
{
    return step.action == Action::Forget &&
           (step.reason == Reason::ContactGone || step.reason == Reason::LineIsNoContact) &&
           !removals_.contains(*step.line);
}

SyncRun::Toll SyncRun::toll() const
{
    std::unordered_set<LineItemId> lines = removals_;
    Toll toll{.recalls = static_cast<std::size_t>(recalled_)};
    for (const Step &step : plan_.steps) {
        // What no listing has shown is of our own making.
        if ((step.action == Action::Remove || (step.action == Action::Prune && step.listed)) && is_open(step))
            lines.insert(*step.line);
        toll.recalls += is_recall(step) && is_open(step);
    }
    toll.deletions = lines.size();
    return toll;
}

/// Why the guards stop this sync, with the way to go through with it, if they do.
std::optional<std::string> SyncRun::why_blocked() const
{
    const Toll toll = this->toll();
    const auto limit = static_cast<std::size_t>(policy_.max_removals);
    const std::string way_through = ", more than max_removals allows (" + std::to_string(limit) +
                                    "). If that is right, call flex_sync_crew with max_removals => ";
    if (toll.deletions > limit && toll.deletions * 2 > contacts_at_start_)
        return "It would delete " + std::to_string(toll.deletions) + " of " + std::to_string(contacts_at_start_) +
               " contacts in Flex" + way_through + std::to_string(toll.deletions) + ".";
    if (toll.recalls > limit && toll.recalls * 2 > rows_at_start_)
        return "It would call " + std::to_string(toll.recalls) + " of " + std::to_string(rows_at_start_) +
               " people again, whose contacts seem gone from Flex" + way_through + std::to_string(toll.recalls) + ".";
    return std::nullopt;
}

} // namespace core
