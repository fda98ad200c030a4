#pragma once
// The main job: makes the crew relations and Flex agree about one element.

#include "core/plan.hpp"
#include "core/ports.hpp"

#include <optional>
#include <string>
#include <vector>

namespace core {

/// How far one sync may go.
struct Policy {
    Prune prune = Prune::All;
    int max_removals = 5;            ///< more deletions than this, and more than half of the contacts: blocked
    TimePoint deadline;              ///< nothing is begun that could end after it
    RequestBudget *budget = nullptr; ///< none: as many requests as it takes
};

enum class Status { Ok, Partial, Failed, Blocked, Deferred };

/// The status's name in SQL.
std::string_view name_of(Status status);

/// A thing done in Flex, refused by it, or lost on the way: a row of `flex_sync_log_operation`.
struct Operation {
    Action action;
    std::optional<TechnicianId> technician = {};
    std::optional<ResourceId> resource = {};
    std::optional<LineItemId> line = {};
    std::optional<BusinessRoleId> role = {}; ///< SetRole
    Answer answer = {};
};

/// What one sync did: the row of `flex_sync_result`, less what only the caller knows.
struct SyncResult {
    Status status = Status::Ok;
    int desired = 0;
    int kept = 0;
    int adopted = 0;
    int added = 0;
    int removed = 0;
    int stale = 0;
    int pruned = 0;
    int roles_set = 0;
    int skipped = 0;
    int failed = 0;
    int passes = 0;
    int http_requests = 0;
    int retained = 0;
    std::string message;
    std::vector<Diagnostic> diagnostics; ///< at most `max_diagnostics`, and one that counts the others
    std::vector<Operation> operations;
    bool timed_out = false;                       ///< `Failed`: Flex did not answer in time
    std::optional<Milliseconds> retry_after = {}; ///< `Deferred`: how long to wait, as far as it is known
    bool never_fits = false;                      ///< `Deferred`: it needs more requests than a limit allows at all
};

/// Syncs one element, under a lock that the caller holds. Trouble on Flex's side ends in a status; what the store and
/// the clock raise passes through.
SyncResult synchronise(const ElementId &element, const Policy &policy, CrewStore &store, FlexApi &flex, Clock &clock);

} // namespace core
