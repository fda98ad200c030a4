#pragma once
// What a sync must not do without being told to: delete most of a crew, or call most of it again (`max_removals`).

#include "core/ledger.hpp"

#include <cstddef>
#include <optional>
#include <string>

namespace core {

/// The crew as a sync found it.
struct Start {
    std::size_t contacts = 0;
    std::size_t rows = 0;
};

/// True if the step forgets the row of somebody who is still desired, and whose contact went without our doing.
bool is_recall(const Step &step, const Ledger &ledger);

/// Why the guards stop a sync that has done so much and plans so much, with the way to go through with it; none if they
/// let it pass. Counts what is done and what is planned over all passes.
std::optional<std::string> why_blocked(const Plan &plan, const Ledger &ledger, const Start &start, int max_removals);

} // namespace core
