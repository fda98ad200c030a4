#include "core/plan.hpp"

#include "core/planner.hpp"

#include <algorithm>

namespace core {

Plan plan(const Crew &crew, std::span<const Line> lines, std::span<const KnownLine> known, Prune prune,
          const std::function<void()> &check)
{
    return Planner(crew, lines, known, prune, check).run();
}

std::optional<std::string> why_void(std::span<const Assignment> rows, std::span<const Line> lines)
{
    if (std::any_of(lines.begin(), lines.end(), [](const Line &line) { return line.kind == LineKind::Contact; }))
        return std::nullopt;
    std::unordered_set<LineItemId> others;
    for (const Line &line : lines)
        if (line.kind == LineKind::Other)
            others.insert(line.id);
    for (const Assignment &row : rows)
        if (row.line && others.contains(*row.line))
            return "no line of the element is a contact, although the database knows line \"" + row.line->text() +
                   "\" as one";
    return std::nullopt;
}

} // namespace core
