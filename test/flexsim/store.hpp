#pragma once
// The documents and lines that the simulated Flex holds.

#include <chrono>
#include <deque>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "shape.hpp"

namespace flexsim {

struct Line;
using Lines = std::list<Line>;
using Time = std::chrono::steady_clock::time_point;

/// One line item. `raw` is a JSON text that listings show verbatim in its place.
struct Line {
    std::string id;
    std::optional<std::string> resource, type = "contact", role, name, raw;
    bool hidden = false; ///< Flex accepted it and no listing shows it.
    Lines children;
};

struct Element {
    std::string id;
    Lines lines;
    std::optional<Shape> shape;

    /// Earlier lines, oldest first, each with the instant until which they were the current ones.
    std::deque<std::pair<Time, Lines>> past;
};

/// Not synchronized: callers hold the mutex of State. Ids that are UUIDs are found in any letter case.
class Store {
public:
    void clear();

    /// Makes or replaces an element. Lines without an id get one. Returns the ids of the outermost lines.
    std::vector<std::string> seed(const std::string &element, Lines lines, std::optional<Shape> shape);

    /// The element, or nullptr.
    const Element *find(const std::string &element) const;

    const std::unordered_map<std::string, Element> &elements() const { return elements_; }

    /// The element that holds a line, or "".
    std::string element_of(const std::string &line) const;

    /// Appends a line and returns its id; nullopt for an unknown element.
    std::optional<std::string> add(const std::string &element, Line line);

    /// Removes a line with its children; false when there is no such line.
    bool remove(const std::string &line);

    /// Lets `change` alter a line (but not its id or children); false when there is no such line.
    bool change(const std::string &line, const std::function<void(Line &)> &change);

    /// How far back lines_shown() can look from now on.
    void set_lag(std::chrono::milliseconds lag) { lag_ = lag; }

    /// The lines as they were `lag` ago.
    const Lines &lines_shown(const Element &element) const;

private:
    struct Place {
        std::string element;
        Lines *siblings;
        Lines::iterator line;
    };

    void index(const std::string &element, Lines &siblings, Lines::iterator line);
    void forget(const std::string &element, const Line &line);
    void remember(const std::string &element);

    std::unordered_map<std::string, Element> elements_;
    std::unordered_map<std::string, Place> places_;
    std::chrono::milliseconds lag_{0};
};

} // namespace flexsim
