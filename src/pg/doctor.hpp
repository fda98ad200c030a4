#pragma once
// The doctor's findings: what it looked at, how that is, and what to do.

#include "core/error.hpp"
#include "pg/subtransaction.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace pg {

/// One row of flex_sync_check.
struct Finding {
    std::string name;
    const char *status; ///< "ok", "warning" or "error"
    std::string detail = {};
    std::string hint = {};
};

/// Collects findings. A look that fails is a finding itself, so that one trouble does not hide the next.
class Findings {
public:
    void ok(std::string name, std::string detail) { all_.push_back({std::move(name), "ok", std::move(detail)}); }
    void warn(std::string name, std::string detail, std::string hint)
    {
        all_.push_back({std::move(name), "warning", std::move(detail), std::move(hint)});
    }
    void error(std::string name, std::string detail, std::string hint)
    {
        all_.push_back({std::move(name), "error", std::move(detail), std::move(hint)});
    }

    /// Runs `look` in a subtransaction; what it throws becomes an `error` of that name. True if it threw nothing.
    template <class Look> bool look(const std::string &name, Look &&look)
    {
        try {
            const auto undone = in_subtransaction(look);
            if (undone)
                error(name, undone->message, "Mend what the server says, and check again.");
            return !undone;
        } catch (const core::Error &failed) {
            const std::string detail = failed.detail().empty() ? "" : " " + failed.detail();
            error(name, failed.message() + "." + detail, failed.hint());
            return false;
        }
    }

    const std::vector<Finding> &all() const { return all_; }

private:
    std::vector<Finding> all_;
};

} // namespace pg
