#include "add_watch.hpp"

#include <algorithm>
#include <unordered_set>

namespace unit {

void AddWatch::listed(const std::vector<core::Line> &lines, core::TimePoint began_at)
{
    std::unordered_set<core::LineItemId> ids;
    std::unordered_set<core::ResourceId> resources;
    for (const core::Line &line : lines) {
        if (line.kind == core::LineKind::Other)
            continue;
        ids.insert(line.id);
        if (line.resource)
            resources.insert(*line.resource);
    }
    for (Watched &watched : adds_) {
        if (began_at < watched.add.answered_at)
            continue;
        watched.is_shown =
            watched.add.line ? ids.contains(*watched.add.line) : resources.contains(watched.add.resource);
        watched.was_shown = watched.was_shown || watched.is_shown;
        watched.listings += !watched.is_shown;
        watched.last_listing_at = began_at;
    }
}

bool AddWatch::is_justified(const core::ResourceId &resource, int sync, core::TimePoint now,
                            const std::function<bool(const SentAdd &)> &is_there) const
{
    const auto is_of_resource = [&](const Watched &watched) { return watched.add.resource == resource; };
    const auto previous = std::find_if(adds_.rbegin(), adds_.rend(), is_of_resource);
    if (previous == adds_.rend())
        return true;
    const bool is_known_undone = !previous->add.line && !previous->was_shown && previous->listings >= 2 &&
                                 previous->last_listing_at >= previous->add.answered_at + std::chrono::seconds(2);
    const auto in_this_sync = std::count_if(adds_.begin(), adds_.end(), [&](const Watched &watched) {
        return is_of_resource(watched) && watched.add.sync == sync;
    });
    if (in_this_sync > 0)
        return is_known_undone && in_this_sync < 2;
    // Seen to be gone, or deleted by a sync itself.
    const bool is_gone = (previous->was_shown && !previous->is_shown) ||
                         ((previous->was_shown || previous->add.line) && !is_there(previous->add));
    const bool may_be_tried =
        previous->add.line && !previous->was_shown && now >= previous->add.answered_at + std::chrono::minutes(1);
    return is_known_undone || is_gone || may_be_tried;
}

} // namespace unit
