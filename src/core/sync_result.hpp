#pragma once
// What a sync did, and how it ended.

#include "core/plan.hpp"
#include "core/ports.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace core {

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

/// The numbers of a result: columns of `flex_sync_result`.
struct Counts {
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
    int retained = 0;
};

/// What one sync did: the row of `flex_sync_result`, less what only the caller knows.
struct SyncResult {
    Status status = Status::Ok;
    Counts counts = {};
    int passes = 0;
    int http_requests = 0;
    std::string message = {};
    std::vector<Diagnostic> diagnostics = {}; ///< at most `max_diagnostics`, and one that counts the others
    std::vector<Operation> operations = {};
    bool timed_out = false;                       ///< `Failed`: Flex did not answer in time
    std::optional<Milliseconds> retry_after = {}; ///< `Deferred`: how long to wait, as far as it is known
    bool never_fits = false;                      ///< `Deferred`: it needs more requests than a limit allows at all
};

} // namespace core
