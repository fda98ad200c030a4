#pragma once
// The request limits of a Flex account, counted over all backends.

#include "core/ports.hpp"
#include "pg/crew/catalog.hpp"
#include "pg/crew/spent_requests.hpp"

#include <array>
#include <cstdint>
#include <string>

#include "pg/server/wall.hpp"

namespace pg {

/// What was spent is in the log; what other sessions are spending, whose rows are not committed yet, shows in the lock
/// table: each holds an advisory lock of ours that has the number in its key. It goes with their transaction, whatever
/// becomes of it, and stays with one that is prepared.
class ServerBudget {
public:
    ServerBudget(Statements &statements, const OwnTables &own, const Connection &connection);

    /// Sets requests aside, if they fit, for a sync that with them needs `of_sync` in all. Two syncs that ask for the
    /// last requests at the same moment may both be refused; they never both get them.
    std::optional<core::RequestBudget::Refusal> set_aside(int requests, int of_sync);

    /// Requests that were set aside are in the log by now.
    void release(int requests);

    /// Requests that are of no sync and have been sent: they are written down, and shown until that is committed.
    void note(int requests);

private:
    using Refusal = core::RequestBudget::Refusal;

    struct Window {
        const char *option;
        std::int64_t seconds;
        std::int64_t limit; ///< 0: none
        std::int64_t Spent::*spent;
    };

    bool is_limited() const { return options_.hourly_limit != 0 || options_.daily_limit != 0; }
    std::array<Window, 2> windows() const;
    std::int64_t set_aside_by_others();
    std::optional<Refusal> why_not(int requests);
    Refusal refuse_for_now(const Window &window, int requests, std::int64_t used);
    std::string limit_of(const Window &window) const;
    void show(LOCKTAG &tag, int requests);

    Statements &statements_;
    const OwnTables &own_;
    const std::string &server_;
    const ServerOptions &options_;
    std::string account_;
    SpentRequests spent_;
    int held_ = 0;
};

/// The part of one sync, until its log row is written.
class RequestBudget final : public core::RequestBudget {
public:
    explicit RequestBudget(ServerBudget &server) : server_(server) {}

    std::optional<Refusal> set_aside(int requests) override
    {
        std::optional<Refusal> refusal = server_.set_aside(requests, held_ + requests);
        if (!refusal)
            held_ += requests;
        return refusal;
    }

    void release()
    {
        server_.release(held_);
        held_ = 0;
    }

private:
    ServerBudget &server_;
    int held_ = 0;
};

} // namespace pg
