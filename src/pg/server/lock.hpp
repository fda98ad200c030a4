#pragma once
// The lock that makes syncs of one element take turns, whichever server, user or crew call they come from.

#include "core/ids.hpp"

#include <cstdint>
#include <string>

namespace pg {

/// The key of the element's advisory lock: a hash of its id in canonical form, and of nothing else. It does not change
/// from one version to the next, since applications take the lock too.
std::int64_t lock_key(const core::ElementId &element);

/// Takes the advisory lock for the rest of the transaction. False if it is held elsewhere and `nowait`; else waits as
/// long as `lock_timeout` and `statement_timeout` allow, whose errors are the server's own. Transaction level, because
/// the rows become visible to the next sync only when this transaction commits.
bool take_lock(std::int64_t key, bool nowait);

/// Gives one taking of the lock back.
void give_lock_back(std::int64_t key);

/// Shows in flex_sync_activity that this backend syncs the crew call, or waits to, until it is hidden again or the
/// transaction ends.
void show_activity(const std::string &call_id);
void hide_activity(const std::string &call_id);

/// The elements that this backend syncs right now. The lock is re-entrant: a sync that a trigger calls from a sync of
/// the same crew would not wait, but tread on it.
class RunningSync {
public:
    explicit RunningSync(const core::ElementId &element);
    ~RunningSync();
    RunningSync(const RunningSync &) = delete;
    RunningSync &operator=(const RunningSync &) = delete;

    static bool is_running(const core::ElementId &element);
    static bool is_any();

private:
    core::ElementId element_;
};

} // namespace pg
