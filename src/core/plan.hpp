#pragma once
// How two lists of one crew become one: the decision, without clock or I/O.

#include "core/crew.hpp"
#include "core/diagnostic.hpp"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace core {

enum class Action { Forget, Remove, Prune, Retain, Keep, Adopt, Add, SetRole, Skip };

/// The action's name in SQL: `keep`, `adopt`, `set_role`, …
std::string_view name_of(Action action);

/// What happens to contacts in Flex that nobody desires (server option `prune`).
enum class Prune { All, Owned, None };

/// The policy's name in SQL.
std::string_view name_of(Prune prune);

/// Why a step is planned; `describe` says it to a person.
enum class Reason {
    ContactGone,       ///< the row's line is not in the listing
    LineIsNoContact,   ///< the row's line is there, but is not a contact
    NamesNoLine,       ///< the row names no line
    NotDesired,        ///< nobody desires the technician or the contact
    NotDesiredAndGone, ///< the technician is withdrawn, and the contact gone as well
    NeededByOther,     ///< the technician is withdrawn, but somebody else needs the contact
    ResourceChanged,   ///< the row's contact shows a resource that is not desired any more
    Surplus,           ///< another contact of the resource stays
    PolicyRetains,     ///< the prune policy leaves it
    ResourceUnclear,   ///< it may belong to a technician whose resource is not clear
    InPlace,           ///< the row's contact is there
    NotShownYet,       ///< Flex accepted the contact and no listing has shown it yet
    ContactThere,      ///< a contact of the resource is there
    SharedWithOther,   ///< another technician of the crew has the same resource
    NotOnCall,         ///< no contact of the resource is there
    RoleDiffers,       ///< the contact shows another role
    NoResource,        ///< the technician is not known in Flex
    ResourceConflict,  ///< the technician is desired with two resources
    ResourceMalformed, ///< white space at its ends, a control character, or too long
};

/// One step of a plan. It points into the lists that were planned, which must outlive it.
struct Step {
    Action action;
    Reason reason;
    const CrewCallId *call = nullptr;
    const TechnicianId *technician = nullptr;
    const ResourceId *resource = nullptr;
    const LineItemId *line = nullptr;
    const BusinessRoleId *role = nullptr;
    const Assignment *row = nullptr; ///< the technician's row, if there is one
    const Line *listed = nullptr;    ///< the line as the listing shows it
    bool drops_row = false;          ///< `Remove`: the row goes too (else it is mapped anew)
};

/// True if the step changes something in Flex or in the rows.
constexpr bool is_change(const Step &step)
{
    return step.action != Action::Keep && step.action != Action::Retain && step.action != Action::Skip;
}

/// What would make the lists agree, in the order in which it is carried out: orphans before the diff.
struct Plan {
    std::vector<Step> steps;
    std::vector<Diagnostic> diagnostics;
    std::size_t more_diagnostics = 0; ///< beyond the first `max_diagnostics`
};

/// Plans one sync of an element. Pure, in time linear in the lists; the same answer every time. `known` holds what is
/// remembered of this element on this server. Never fails; what is odd becomes a diagnostic. `check` is called every
/// few thousand lines, for whoever must hear interrupts; what it throws passes.
Plan plan(const Crew &crew, std::span<const Line> lines, std::span<const KnownLine> known, Prune prune,
          const std::function<void()> &check = {});

/// Why a listing that arrived whole must not be believed, if so: no line of it is a contact although rows name lines of
/// it (a label has changed, not the crew).
std::optional<std::string> why_void(std::span<const Assignment> rows, std::span<const Line> lines);

/// What a reason says of a technician or contact: "is assigned but not on the crew call".
std::string_view sentence_of(Reason reason);

/// A step's reason for a planner in the office: the predicate behind the contact's name, where Flex shows one.
std::string describe(const Step &step);

} // namespace core
