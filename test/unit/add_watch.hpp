#pragma once
// Remembers who was called, and what was shown since: whether there was a reason to call them again (I5).

#include "core/ports.hpp"

#include <functional>
#include <string>
#include <vector>

namespace unit {

class AddWatch {
public:
    struct SentAdd {
        core::ResourceId resource;
        core::TimePoint answered_at;
        int sync = 0;
        std::optional<core::LineItemId> line = {}; ///< none: the answer was lost
    };

    /// An add that was done or may have been done.
    void sent(SentAdd add) { adds_.push_back({.add = std::move(add)}); }

    /// A whole listing came.
    void listed(const std::vector<core::Line> &lines, core::TimePoint began_at);

    /// True if the design knows a reason for an add, sent now. `is_there` tells the truth about Flex.
    bool is_justified(const core::ResourceId &resource, int sync, core::TimePoint now,
                      const std::function<bool(const SentAdd &)> &is_there) const;

private:
    struct Watched {
        SentAdd add;
        int listings = 0; ///< whole ones since that did not show it
        core::TimePoint last_listing_at = {};
        bool was_shown = false;
        bool is_shown = false; ///< by the last listing
    };

    std::vector<Watched> adds_;
};

} // namespace unit
