#pragma once
// The request limits of a server, counted over all backends.

#include "core/ports.hpp"
#include "pg/options.hpp"
#include "pg/own_tables.hpp"

#include <string>

namespace pg {

/// What was spent is in the log; what other syncs are spending, whose log rows are not committed yet, shows in the lock
/// table: each holds an advisory lock of ours that has the number in its key. It goes with their transaction, whatever
/// becomes of it.
class RequestBudget final : public core::RequestBudget {
public:
    RequestBudget(Statements &statements, const OwnTables &own, std::string server, const ServerOptions &options);

    /// Two syncs that ask for the last requests at the same moment may both be refused; they never both get them.
    std::optional<Refusal> set_aside(int requests) override;

private:
    struct Window {
        const char *option;
        const char *length; ///< an interval
        int limit;
    };

    std::optional<Refusal> why_not(const Window &window, int requests);
    void hold(int requests);

    Statements &statements_;
    const OwnTables &own_;
    std::string server_;
    const ServerOptions &options_;
    std::uint32_t server_hash_;
    int held_ = 0;
};

} // namespace pg
