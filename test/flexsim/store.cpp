#include "store.hpp"

#include "text.hpp"

namespace flexsim {

void Store::clear()
{
    places_.clear();
    elements_.clear();
}

std::vector<std::string> Store::seed(const std::string &element, Lines lines, std::optional<Shape> shape)
{
    const std::string key = canonical_id(element);
    Element &seeded = elements_[key];
    for (const Line &line : seeded.lines)
        forget(key, line);
    seeded = Element{element, std::move(lines), shape, {}};

    std::vector<std::string> ids;
    for (auto line = seeded.lines.begin(); line != seeded.lines.end(); ++line) {
        index(key, seeded.lines, line);
        ids.push_back(line->id);
    }
    return ids;
}

const Element *Store::find(const std::string &element) const
{
    const auto found = elements_.find(canonical_id(element));
    return found == elements_.end() ? nullptr : &found->second;
}

std::string Store::element_of(const std::string &line) const
{
    const auto found = places_.find(canonical_id(line));
    return found == places_.end() ? "" : elements_.at(found->second.element).id;
}

std::optional<std::string> Store::add(const std::string &element, Line line)
{
    const std::string key = canonical_id(element);
    const auto found = elements_.find(key);
    if (found == elements_.end())
        return std::nullopt;

    remember(key);
    Lines &lines = found->second.lines;
    lines.push_back(std::move(line));
    index(key, lines, std::prev(lines.end()));
    return lines.back().id;
}

bool Store::remove(const std::string &line)
{
    const auto found = places_.find(canonical_id(line));
    if (found == places_.end())
        return false;

    const Place place = found->second;
    remember(place.element);
    forget(place.element, *place.line);
    place.siblings->erase(place.line);
    return true;
}

bool Store::change(const std::string &line, const std::function<void(Line &)> &change)
{
    const auto found = places_.find(canonical_id(line));
    if (found == places_.end())
        return false;

    remember(found->second.element);
    change(*found->second.line);
    return true;
}

const Lines &Store::lines_shown(const Element &element) const
{
    const Time then = std::chrono::steady_clock::now() - lag_;
    for (const auto &[until, lines] : element.past)
        if (until > then)
            return lines;
    return element.lines;
}

// A seed may hold one id twice: the first line keeps it here, and the other can only be listed.
void Store::index(const std::string &element, Lines &siblings, Lines::iterator line)
{
    if (line->id.empty() && !line->raw)
        line->id = new_uuid();
    if (!line->id.empty())
        places_.try_emplace(canonical_id(line->id), Place{element, &siblings, line});
    for (auto child = line->children.begin(); child != line->children.end(); ++child)
        index(element, line->children, child);
}

void Store::forget(const std::string &element, const Line &line)
{
    const auto found = places_.find(canonical_id(line.id));
    if (found != places_.end() && found->second.element == element && &*found->second.line == &line)
        places_.erase(found);
    for (const Line &child : line.children)
        forget(element, child);
}

void Store::remember(const std::string &element)
{
    if (lag_.count() == 0)
        return;
    Element &changing = elements_.at(element);
    const Time now = std::chrono::steady_clock::now();
    while (!changing.past.empty() && changing.past.front().first <= now - lag_)
        changing.past.pop_front();
    changing.past.emplace_back(now, changing.lines);
}

} // namespace flexsim
