#include "core/guards.hpp"

namespace core {

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
    const std::string way_through = ", more than max_removals allows (" + std::to_string(limit) +
                                    "). If that is right, call flex_sync_crew with max_removals => ";
    if (deletions > limit && deletions * 2 > start.contacts)
        return "It would delete " + std::to_string(deletions) + " of " + std::to_string(start.contacts) +
               " contacts in Flex" + way_through + std::to_string(deletions) + ".";
    if (recalls > limit && recalls * 2 > start.rows)
        return "It would call " + std::to_string(recalls) + " of " + std::to_string(start.rows) +
               " people again, whose contacts seem gone from Flex" + way_through + std::to_string(recalls) + ".";
    return std::nullopt;
}

} // namespace core
