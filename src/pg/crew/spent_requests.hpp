#pragma once
// What has been asked of a Flex account in the last hour and day: by runs, which the log has, and by whatever else.

#include "pg/server/own_tables.hpp"

#include <cstdint>
#include <string>

#include "pg/server/wall.hpp"

namespace pg {

struct Spent {
    std::int64_t in_hour = 0;
    std::int64_t in_day = 0;
    std::int64_t runs = 0; ///< of the day that are in no sum yet
};

/// The log may hold a million runs, so that what is older than a moment is summed up by the minute, once
/// (`flex_sync_requests`). A sum is made only of what is over: each run under way, of any session, shows when it began
/// by a lock, which goes with its transaction.
class SpentRequests {
public:
    /// `account` as `flex::account_url` gives it. Runs without a url count by the name of the server.
    SpentRequests(Statements &statements, const OwnTables &own, std::string account, std::string server);

    Spent read();

    /// In how many seconds so many of the requests of that window will have left it.
    std::int64_t seconds_until_free(std::int64_t requests, std::int64_t window_s);

    /// Sums the runs up that are over, unless another session does. Nothing is lost if it cannot: an error is undone.
    void sum_up();

    /// Requests that are of no run.
    void note(int requests);

private:
    Statements &statements_;
    const OwnTables &own_;
    std::string account_;
    std::string server_;
};

/// The account in the key of a lock.
std::uint32_t account_hash(const std::string &account);

/// Shows other sessions that a run of this account begins now; before its `started_at` is taken.
void show_run(const std::string &account);

/// Shows them which run it is, so that its part of the journal is not taken for one that was rolled back.
void show_run_id(std::int64_t run_id);

} // namespace pg
