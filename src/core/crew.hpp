#pragma once
// What the two lists hold: the crew that the database assigns, and the lines that Flex shows.

#include "core/ids.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace core {

/// A technician on a crew call, whom a row is about.
struct Member {
    CrewCallId call;
    TechnicianId technician;

    friend bool operator==(const Member &, const Member &) = default;
};

/// A technician who should be on a crew call: a row of `flex_desired_crew`.
struct DesiredMember {
    CrewCallId call;
    TechnicianId technician;
    std::optional<ResourceId> resource; ///< none: not known in Flex
    std::optional<BusinessRoleId> role; ///< none: leave the role alone

    friend auto operator<=>(const DesiredMember &, const DesiredMember &) = default;
};

/// A technician who was mapped to a line of Flex: a row of `flex_crew_assignments`.
struct Assignment {
    CrewCallId call;
    TechnicianId technician;
    std::optional<LineItemId> line; ///< none: the row names no line

    Member member() const { return {call, technician}; }

    friend auto operator<=>(const Assignment &, const Assignment &) = default;
};

/// Both relations as one snapshot shows them, over all crew calls that share the element.
struct Crew {
    std::vector<DesiredMember> desired = {};
    std::vector<Assignment> rows = {};
    bool has_call = true; ///< a crew call points at the element; if none does, it is nobody's here
};

/// What Flex says a line is. Only contacts are ever touched (I6).
enum class LineKind { Contact, Untyped, Other };

/// A line of a listing, in Flex's own spelling.
struct Line {
    LineItemId id;
    LineKind kind = LineKind::Contact;
    std::optional<ResourceId> resource = {};
    std::optional<BusinessRoleId> role = {};
    std::string name = {};
    std::string type = {}; ///< Flex's word for another kind of line
};

/// What is remembered of a line that flex_sync added or mapped, or of an add whose outcome is unknown: a row of
/// `flex_sync_contact`.
struct KnownLine {
    std::optional<LineItemId> line = {};          ///< none: an add whose outcome is unknown
    ResourceId asked;                             ///< the resource that was asked for; empty: not known
    std::optional<ResourceId> shown = {};         ///< the resource that a listing showed for it
    bool was_shown = false;                       ///< some listing has shown the line
    std::optional<BusinessRoleId> role_sent = {}; ///< the business role sent last
    int tries = 1; ///< adds of this resource in a row that no listing has shown; of a lost one, those that Flex said
                   ///< it accepted, and one
    std::chrono::milliseconds age{0}; ///< since it was added or lost; 0 of one that was shown

    /// True once what Flex accepted and no listing has shown may be added again: after one minute, then two, four, …
    /// up to a day (design, "Gone"). At once where Flex accepted nothing.
    bool may_be_added_again() const;
};

} // namespace core

template <> struct std::hash<core::Member> {
    std::size_t operator()(const core::Member &member) const noexcept
    {
        return member.call.hash() * 31 + member.technician.hash();
    }
};
