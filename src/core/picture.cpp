#include "core/picture.hpp"

#include <algorithm>

namespace core {

void Picture::take(Crew crew)
{
    plan_ = {};
    crew_ = std::move(crew);
}

void Picture::know(const KnownLines &known, const Ledger &ledger)
{
    plan_ = {};
    known_.clear();
    for (const KnownLine &line : known.all())
        if (!line.line || !ledger.is_deleted(*line.line))
            known_.push_back(line);
}

View Picture::view(std::vector<Line> lines, const Ledger &ledger) const
{
    View view{.lines = std::move(lines), .plan = {}};
    view.still_shown = std::erase_if(view.lines, [&ledger](const Line &line) { return ledger.is_deleted(line.id); });
    view.plan = core::plan(crew_, view.lines, known_, prune_, check_);
    return view;
}

void Picture::believe(View view)
{
    lines_ = std::move(view.lines); // which stay where they are: the plan points at them
    plan_ = std::move(view.plan);
    still_shown_ = view.still_shown;
}

void Picture::replan(const KnownLines &known, const Ledger &ledger)
{
    know(known, ledger);
    plan_ = core::plan(crew_, lines_, known_, prune_, check_);
    // A contact that is being removed goes whatever the policy, also once the row that named it is mapped anew.
    for (Step &step : plan_.steps)
        if (step.action == Action::Retain && step.reason == Reason::PolicyRetains &&
            ledger.is_being_removed(*step.line)) {
            step.action = Action::Remove;
            step.reason = Reason::ResourceChanged;
        }
}

std::size_t Picture::count_contacts() const
{
    std::unordered_set<LineItemId> named;
    for (const Assignment &row : crew_.rows)
        if (row.line)
            named.insert(*row.line);
    return static_cast<std::size_t>(std::count_if(lines_.begin(), lines_.end(), [&](const Line &line) {
        return line.kind == LineKind::Contact || (line.kind == LineKind::Untyped && named.contains(line.id));
    }));
}

std::unordered_set<LineItemId> Picture::doubtful_lines(const Plan &plan, const Ledger &ledger, bool every_line) const
{
    std::unordered_set<LineItemId> desired, others;
    for (const Step &step : plan.steps) {
        if (step.action != Action::Forget || !step.line || ledger.is_being_removed(*step.line))
            continue; // or it is what this sync asked for
        if (step.reason == Reason::ContactGone || step.reason == Reason::LineIsNoContact)
            desired.insert(*step.line);
        else if (step.reason == Reason::NotDesiredAndGone)
            others.insert(*step.line);
    }
    // Two fifths are many, as where every second line is missing.
    const std::size_t stale = desired.size() + others.size();
    if (every_line || (stale > 1 && stale * 5 >= crew_.rows.size() * 2))
        desired.merge(others);
    return desired;
}

} // namespace core
