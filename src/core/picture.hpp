#pragma once
// What one sync sees: the crew, the last listing that it believes, and the plan that follows from the two.

#include "core/ledger.hpp"
#include "core/plan.hpp"

#include <functional>
#include <unordered_set>

namespace core {

/// A listing as it would be planned, before it is believed.
struct View {
    std::vector<Line> lines;     ///< without what is deleted already
    Plan plan;                   ///< points into the lines, and into what the picture holds
    std::size_t still_shown = 0; ///< lines whose deletion Flex had accepted
};

/// The one place that a plan can outlive the lists it points into: every change of a list lets go of the plan first.
class Picture {
public:
    /// `check` is called now and then by what takes long, for whoever must hear interrupts.
    Picture(Prune prune, std::function<void()> check) : prune_(prune), check_(std::move(check)) {}

    const Crew &crew() const { return crew_; }
    const std::vector<Line> &lines() const { return lines_; }
    const Plan &plan() const { return plan_; }

    /// Lines that the last listing shows although Flex accepted their deletion.
    std::size_t still_shown() const { return still_shown_; }

    /// The contacts of the listing. A line without a type that a row names counts, since it is removed like one.
    std::size_t count_contacts() const;

    /// Another crew, which is not planned yet.
    void take(Crew crew);

    /// What is known of lines by now, for the views to come.
    void know(const KnownLines &known, const Ledger &ledger);

    View view(std::vector<Line> lines, const Ledger &ledger) const;
    void believe(View view);

    /// Plans the same listing once more, with what is known by now.
    void replan(const KnownLines &known, const Ledger &ledger);

    /// The lines that a listing should have shown, of those that rows name. Where people are still desired it is a line
    /// each, since believing it calls them again; of others only where many are gone at once, or with `every_line`.
    std::unordered_set<LineItemId> doubtful_lines(const Plan &plan, const Ledger &ledger, bool every_line) const;

private:
    Prune prune_;
    std::function<void()> check_;
    Crew crew_;
    std::vector<Line> lines_;
    std::vector<KnownLine> known_; ///< a copy, since what is known changes while a plan is carried out
    Plan plan_;                    ///< of the three above; points into them
    std::size_t still_shown_ = 0;
};

} // namespace core
