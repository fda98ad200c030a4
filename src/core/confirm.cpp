// Listing until it is known what became of all that was sent.

#include "core/sync_run.hpp"

#include <algorithm>
#include <array>

namespace core {

using std::chrono::milliseconds;

namespace {

/// Pauses before a listing that lags is asked for again: it has a few seconds to show what Flex accepted.
constexpr std::array lag_pauses{milliseconds(500), milliseconds(1600), milliseconds(3000)};

/// A lost add is known not to have been done when a listing this long after does not show it (I5).
constexpr milliseconds lost_add_grace(2000);

} // namespace

bool SyncRun::is_waiting() const
{
    return std::any_of(lost_.begin(), lost_.end(),
                       [](const auto &lost) { return !lost.second.is_settled && !lost.second.is_paused; });
}

/// Lists until the listing shows what Flex accepted and lost adds are settled, or time runs out. False if no whole
/// listing has come since something was sent.
bool SyncRun::settle(bool is_sent)
{
    milliseconds pause(0);
    if (!is_sent) {
        pause = next_wait(0).value_or(pause);
        if (clock_.now() + pause >= policy_.deadline)
            return true;
    }
    for (std::size_t listings = 1;; ++listings) {
        if (pause > milliseconds(0))
            clock_.wait(pause);
        read_crew();
        const TimePoint listed_at = clock_.now();
        if (!list()) {
            replan(); // `list` let go of the plan
            // What an earlier one of these showed holds.
            if (listings > 1 || !is_sent)
                return true;
            failures_.push_back({.action = "list",
                                 .code = listing_.code,
                                 .message = "The closing listing did not arrive: " + listing_.message});
            if (listing_.http_status)
                failures_.back().http_status = listing_.http_status;
            return false;
        }
        judge_operations();
        judge_lost_adds(listed_at);
        replan();
        const std::optional<milliseconds> next = next_wait(listings);
        if (!next || clock_.now() + *next >= policy_.deadline)
            return true;
        pause = *next;
    }
}

/// How long to wait before the next listing, after so many; none if nothing is to be learned from one.
std::optional<Milliseconds> SyncRun::next_wait(std::size_t listings) const
{
    std::optional<milliseconds> wait;
    const TimePoint now = clock_.now();
    for (const auto &[resource, lost] : lost_) {
        if (lost.is_settled || lost.is_paused)
            continue;
        const auto left = std::chrono::ceil<milliseconds>(lost.at + lost_add_grace - now);
        wait = std::max(wait.value_or(milliseconds(0)), left);
    }
    if (!wait && listings > 0 && listings <= lag_pauses.size() && is_lagging())
        wait = lag_pauses[listings - 1];
    return wait;
}

/// The place of the last operation about each target: what came before it is history.
std::unordered_map<std::string, std::size_t> SyncRun::last_operations() const
{
    std::unordered_map<std::string, std::size_t> last;
    for (std::size_t i = 0; i < operations_.size(); ++i)
        last.insert_or_assign(target_of(operations_[i]), i);
    return last;
}

/// Deletions and roles whose answers were lost, judged by the listing.
void SyncRun::judge_operations()
{
    const auto is_lost = [](const Operation &operation) {
        return operation.answer.outcome == Outcome::Unknown && operation.line;
    };
    if (std::none_of(operations_.begin(), operations_.end(), is_lost))
        return;
    std::unordered_map<LineItemId, const Line *> listed;
    for (const Line &line : lines_)
        listed.emplace(line.id, &line);
    for (const auto &[target, place] : last_operations()) {
        Operation &operation = operations_[place];
        if (!is_lost(operation))
            continue;
        const auto line = listed.find(*operation.line);
        const bool is_done = operation.action == Action::SetRole
                                 ? line != listed.end() && line->second->role == operation.role
                                 : line == listed.end();
        if (is_done)
            operation.answer.outcome = Outcome::Done;
        if (is_done && operation.action != Action::SetRole)
            note_deleted(*operation.line, operation.action);
    }
}

/// A contact that was added by this sync and taken out again is no removal.
void SyncRun::note_deleted(const LineItemId &line, Action action)
{
    if (action == Action::Prune || removal_rows_.contains(line))
        removals_.insert(line);
}

/// Adds whose answers were lost, and whose contacts a listing shows.
void SyncRun::find_lost_adds(std::span<const Line> lines)
{
    if (lost_.empty())
        return;
    const std::unordered_map<std::string, std::size_t> last = last_operations();
    for (const Line &line : lines) {
        const auto found = line.resource ? lost_.find(*line.resource) : lost_.end();
        if (found == lost_.end() || line.kind == LineKind::Other)
            continue;
        const ResourceId resource = found->first;
        if (const auto operation = last.find(target_of(Action::Add, &resource, nullptr)); operation != last.end()) {
            operations_[operation->second].answer.outcome = Outcome::Done;
            operations_[operation->second].line = line.id;
        }
        lost_.erase(found);
        found_adds_.insert(resource);
        closed_resources_.insert(resource);
        added_.insert_or_assign(resource, line.id);
        known_.found(line.id, resource);
    }
}

/// Those that a listing, begun at that moment, has not shown.
void SyncRun::judge_lost_adds(TimePoint listed_at)
{
    for (auto &[resource, lost] : lost_) {
        if (lost.is_settled || lost.is_paused)
            continue;
        ++lost.listings;
        lost.is_settled = lost.listings >= 2 && listed_at >= lost.at + lost_add_grace;
    }
}

} // namespace core
