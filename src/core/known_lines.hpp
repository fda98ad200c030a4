#pragma once
// What a sync remembers of an element's lines: as it was read, as it changes, and what of it has to be written.

#include "core/crew.hpp"

#include <span>
#include <unordered_map>
#include <vector>

namespace core {

class KnownLines {
public:
    /// What must be written so that the store remembers it: `known` is inserted or replaced, `forgotten` deleted.
    struct Difference {
        std::vector<KnownLine> known;
        std::vector<KnownLine> forgotten;
    };

    /// Of a line, or a lost add, that comes twice, as 1.0 kept it for each server, the more careful counts.
    void load(std::vector<KnownLine> known);
    bool is_loaded() const { return is_loaded_; }

    /// All that is known now, for planning.
    std::span<const KnownLine> all() const { return lines_; }

    /// The add of the resource that was lost, in this sync or an earlier one.
    const KnownLine *lost_add(const ResourceId &resource) const;

    /// True if the line is known and no listing has shown it.
    bool is_unshown(const LineItemId &line) const;

    /// Flex accepted an add: the line exists, though no listing has shown it yet.
    void added(const LineItemId &line, const ResourceId &resource);

    /// The answer to an add was lost, or does not tell which line it made, though it `is_accepted`.
    void lost(const ResourceId &resource, bool is_accepted);

    /// A listing shows the contact of an add that was lost.
    void found(const LineItemId &line, const ResourceId &resource);

    /// A listing shows the line. What is known of it says so from now on.
    void shown(const Line &line);

    /// The same of the last listing: the line is alive.
    void listed(const Line &line);

    /// Flex accepted a business role for the line.
    void role_sent(const LineItemId &line, const BusinessRoleId &role);

    /// A row names the line, which the last listing shows, as that of `resource`: it is alive.
    void mapped(const Line &line, const ResourceId &resource);

    /// The line was deleted in Flex, and no listing shows it any more.
    void deleted(const LineItemId &line);

    /// A row names the line.
    void alive(const LineItemId &line);

    /// After a sync that ended `ok`: lets go of lines that were shown once and are not alive any more, of lines that
    /// were not shown within a day, and of lost adds older than an hour.
    void tidy();

    /// What differs from what was loaded.
    Difference difference() const;

private:
    std::size_t place_of(const LineItemId &line) const;
    std::size_t place_of(const KnownLine &known) const;
    void note_shown(std::size_t place, const Line &line);
    std::size_t put(KnownLine known);
    void drop(std::size_t place);

    static constexpr std::size_t none = static_cast<std::size_t>(-1);

    std::vector<KnownLine> lines_;
    std::vector<bool> is_stored_;  ///< beside `lines_`: it was loaded
    std::vector<bool> is_changed_; ///< beside `lines_`: it differs from what was loaded
    std::vector<bool> is_alive_;   ///< beside `lines_`
    std::unordered_map<LineItemId, std::size_t> by_line_;
    std::unordered_map<ResourceId, std::size_t> by_lost_resource_;
    std::unordered_map<ResourceId, int> unshown_tries_; ///< of lines that were loaded and that no listing has shown
    std::vector<KnownLine> dropped_;
    bool is_loaded_ = false;
};

} // namespace core
