#include "core/known_lines.hpp"

#include <algorithm>

namespace core {

namespace {

constexpr std::chrono::hours lost_adds_are_kept{1};
constexpr std::chrono::hours unshown_lines_are_kept{24};

/// What two rows about one line, or about one lost add, say together: the more careful of the two.
KnownLine merged(const KnownLine &a, const KnownLine &b)
{
    const bool takes_a = a.was_shown || !b.was_shown;
    KnownLine line = takes_a ? a : b;
    if (!line.role_sent)
        line.role_sent = takes_a ? b.role_sent : a.role_sent;
    line.tries = std::max(a.tries, b.tries);
    line.age = std::min(a.age, b.age);
    return line;
}

} // namespace

void KnownLines::load(std::vector<KnownLine> known)
{
    is_loaded_ = true;
    lines_.reserve(known.size());
    by_line_.reserve(known.size());
    for (KnownLine &line : known) {
        // Noted before the clock was put back: it counts from now on.
        const bool is_of_the_future = line.age < std::chrono::milliseconds(0);
        if (is_of_the_future)
            line.age = {};
        if (const std::size_t place = place_of(line); place != none) {
            lines_[place] = merged(lines_[place], line);
            continue;
        }
        const std::size_t place = put(std::move(line));
        is_stored_[place] = true;
        is_changed_[place] = is_of_the_future;
    }
    for (const KnownLine &line : lines_)
        if (line.line && !line.was_shown) {
            int &tries = unshown_tries_[line.asked];
            tries = std::max(tries, line.tries);
        }
}

const KnownLine *KnownLines::lost_add(const ResourceId &resource) const
{
    const auto found = by_lost_resource_.find(resource);
    return found == by_lost_resource_.end() ? nullptr : &lines_[found->second];
}

bool KnownLines::is_unshown(const LineItemId &line) const
{
    const std::size_t place = place_of(line);
    return place != none && !lines_[place].was_shown;
}

void KnownLines::added(const LineItemId &line, const ResourceId &resource)
{
    const auto unshown = unshown_tries_.find(resource);
    const int tries = unshown == unshown_tries_.end() ? 1 : unshown->second + 1;
    if (place_of(line) == none)
        put({.line = line, .asked = resource, .tries = tries});
}

void KnownLines::lost(const ResourceId &resource, bool is_accepted)
{
    const auto known = by_lost_resource_.find(resource);
    const std::size_t place = known == by_lost_resource_.end() ? put({.asked = resource}) : known->second;
    lines_[place].age = {};
    lines_[place].tries += is_accepted;
    is_changed_[place] = true;
}

void KnownLines::found(const LineItemId &line, const ResourceId &resource)
{
    added(line, resource);
    const auto known = by_lost_resource_.find(resource);
    if (known == by_lost_resource_.end() || lines_[known->second].tries == 1)
        return;
    lines_[known->second].tries = 1;
    is_changed_[known->second] = true;
}

void KnownLines::shown(const Line &line)
{
    if (const std::size_t place = place_of(line.id); place != none)
        note_shown(place, line);
}

void KnownLines::listed(const Line &line)
{
    const std::size_t place = place_of(line.id);
    if (place == none)
        return;
    is_alive_[place] = true;
    note_shown(place, line);
}

void KnownLines::note_shown(std::size_t place, const Line &line)
{
    if (line.kind == LineKind::Other || lines_[place].was_shown)
        return;
    lines_[place].was_shown = true;
    lines_[place].shown = line.resource;
    is_changed_[place] = true;
}

void KnownLines::role_sent(const LineItemId &line, const BusinessRoleId &role)
{
    const std::size_t place = place_of(line);
    if (place == none || lines_[place].role_sent == role)
        return;
    lines_[place].role_sent = role;
    is_changed_[place] = true;
}

void KnownLines::mapped(const Line &line, const ResourceId &resource)
{
    std::size_t place = place_of(line.id);
    if (place == none)
        place = put({.line = line.id, .asked = resource});
    is_alive_[place] = true;
    KnownLine &known = lines_[place];
    if (known.was_shown && known.asked == resource && known.shown == line.resource)
        return;
    known.was_shown = true;
    known.asked = resource;
    known.shown = line.resource;
    is_changed_[place] = true;
}

void KnownLines::deleted(const LineItemId &line)
{
    if (const std::size_t place = place_of(line); place != none)
        drop(place);
}

void KnownLines::alive(const LineItemId &line)
{
    if (const std::size_t place = place_of(line); place != none)
        is_alive_[place] = true;
}

void KnownLines::tidy()
{
    const auto is_over = [this](std::size_t place) {
        const KnownLine &known = lines_[place];
        if (!known.line)
            return known.age > lost_adds_are_kept;
        return !is_alive_[place] && (known.was_shown || known.age > unshown_lines_are_kept);
    };
    for (std::size_t place = lines_.size(); place-- > 0;)
        if (is_over(place))
            drop(place);
}

KnownLines::Difference KnownLines::difference() const
{
    Difference difference{.known = {}, .forgotten = dropped_};
    for (std::size_t place = 0; place < lines_.size(); ++place)
        if (is_changed_[place])
            difference.known.push_back(lines_[place]);
    return difference;
}

std::size_t KnownLines::place_of(const LineItemId &line) const
{
    const auto found = by_line_.find(line);
    return found == by_line_.end() ? none : found->second;
}

/// Of what is known, or lost, like this one.
std::size_t KnownLines::place_of(const KnownLine &known) const
{
    if (known.line)
        return place_of(*known.line);
    const auto found = by_lost_resource_.find(known.asked);
    return found == by_lost_resource_.end() ? none : found->second;
}

std::size_t KnownLines::put(KnownLine known)
{
    const std::size_t place = lines_.size();
    if (known.line)
        by_line_.emplace(*known.line, place);
    else
        by_lost_resource_.emplace(known.asked, place);
    lines_.push_back(std::move(known));
    is_stored_.push_back(false);
    is_changed_.push_back(true);
    is_alive_.push_back(false);
    return place;
}

/// The last one takes the place of the one that goes.
void KnownLines::drop(std::size_t place)
{
    const auto index = [this](const KnownLine &known) -> std::size_t & {
        return known.line ? by_line_.at(*known.line) : by_lost_resource_.at(known.asked);
    };
    const std::size_t last = lines_.size() - 1;
    index(lines_[last]) = place;
    if (lines_[place].line)
        by_line_.erase(*lines_[place].line);
    else
        by_lost_resource_.erase(lines_[place].asked);
    if (is_stored_[place])
        dropped_.push_back(std::move(lines_[place]));
    if (place != last) {
        lines_[place] = std::move(lines_[last]);
        is_stored_[place] = is_stored_[last];
        is_changed_[place] = is_changed_[last];
        is_alive_[place] = is_alive_[last];
    }
    lines_.pop_back();
    is_stored_.pop_back();
    is_changed_.pop_back();
    is_alive_.pop_back();
}

} // namespace core
