#include "core/guards.hpp"

namespace core {

namespace {

std::string share(std::size_t part, std::size_t whole)
{
    return std::to_string(part) + " of " + std::to_string(whole);
}

std::string way_through(std::size_t removals)
{
    return " If that is right, call flex_sync_crew with max_removals => " + std::to_string(removals) + ".";
}

} // namespace

bool is_recall(const Step &step, const Ledger &ledger)
{
    return step.action == Action::Forget &&
           (step.reason == Reason::ContactGone || step.reason == Reason::LineIsNoContact) &&
           !ledger.is_removed(*step.line);
}

std::optional<std::string> why_blocked(const Plan &plan, const Ledger &ledger, const Start &start, int max_removals)
{
    std::unordered_set<LineItemId> planned;
    auto recalls = static_cast<std::size_t>(ledger.recalls());
    for (const Step &step : plan.steps) {
        // What no listing has shown is of our own making.
        const bool is_deletion = step.action == Action::Remove || (step.action == Action::Prune && step.listed);
        if (is_deletion && ledger.may(step) && !ledger.is_removed(*step.line))
            planned.insert(*step.line);
        recalls += is_recall(step, ledger) && ledger.may(step);
    }
    const std::size_t deletions = ledger.removed_lines() + planned.size();
    const auto limit = static_cast<std::size_t>(max_removals);
    if (deletions > limit && deletions * 2 > start.contacts)
        return "The sync would delete " + share(deletions, start.contacts) +
               " contacts in Flex, more than max_removals (" + std::to_string(limit) + ") allows." +
               way_through(deletions);
    if (recalls > limit && recalls * 2 > start.rows)
        return share(recalls, start.rows) +
               " mapped contacts are missing from Flex; adding them again exceeds max_removals (" +
               std::to_string(limit) + ")." + way_through(recalls);
    return std::nullopt;
}

} // namespace core
