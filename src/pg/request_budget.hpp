#pragma once
// The request limits of a server, counted over all backends.

#include "core/ports.hpp"
#include "pg/options.hpp"
#include "pg/own_tables.hpp"

#include <cstdint>
#include <string>

#include "pg/wall.hpp"

namespace pg {

/// What was spent is in the log; what other syncs are spending, whose log rows are not committed yet, shows in the lock
/// table: each holds an advisory lock of ours that has the number in its key. It goes with their transaction, whatever
/// becomes of it.
class ServerBudget {
public:
    ServerBudget(Statements &statements, const OwnTables &own, std::string server, const ServerOptions &options);

    /// Sets requests aside, if they fit. Two syncs that ask for the last requests at the same moment may both be
    /// refused; they never both get them.
    std::optional<core::RequestBudget::Refusal> set_aside(int requests);

    /// Requests that were set aside are in the log by now.
    void release(int requests);

private:
    using Refusal = core::RequestBudget::Refusal;

    struct Window {
        const char *option;
        const char *length; ///< an interval
        int limit;
    };

    std::optional<Refusal> why_not(const Window &window, int requests);
    void show(LOCKTAG &tag, int requests);

    Statements &statements_;
    const OwnTables &own_;
    std::string server_;
    const ServerOptions &options_;
    std::uint32_t server_hash_;
    int held_ = 0;
};

/// The part of one sync, until its log row is written.
class RequestBudget final : public core::RequestBudget {
public:
    explicit RequestBudget(ServerBudget &server) : server_(server) {}

    std::optional<Refusal> set_aside(int requests) override
    {
        std::optional<Refusal> refusal = server_.set_aside(requests);
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
