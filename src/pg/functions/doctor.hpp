#pragma once
// The doctor's findings: what it looked at, how that is, and what to do.

#include "core/error.hpp"
#include "pg/crew/options.hpp"
#include "pg/server/own_tables.hpp"
#include "pg/server/statement.hpp"
#include "pg/server/subtransaction.hpp"

#include <string>
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
                error(name, as_sentence(undone->message), hint_for(undone->sqlstate));
            return !undone;
        } catch (const core::Error &failed) {
            const std::string detail = failed.detail().empty() ? "" : " " + failed.detail();
            error(name, as_sentence(failed.message()) + detail, failed.hint());
            return false;
        }
    }

    const std::vector<Finding> &all() const { return all_; }

private:
    static std::string as_sentence(std::string message)
    {
        if (!message.empty() && message[0] >= 'a' && message[0] <= 'z')
            message[0] = static_cast<char>(message[0] - 'a' + 'A');
        return message + ".";
    }

    static const char *hint_for(std::string_view sqlstate)
    {
        return sqlstate == "42501" ? "Grant the missing privilege to the caller, or call flex_sync through a SECURITY "
                                     "DEFINER function whose owner sees the whole crew; docs/supabase.md shows one."
                                   : "Mend what the server says, and check again.";
    }

    std::vector<Finding> all_;
};

/// Looks at the crew relations of a server: that they are there, who may do what, and what they hold.
void examine_crew(Findings &findings, Statements &statements, const OwnTables &own, const std::string &server,
                  const ServerOptions &options);

/// Estimates what a run over flex_due_crew_calls takes, and whether the request limits leave room for it.
void examine_requests(Findings &findings, Statements &statements, const OwnTables &own, const std::string &server,
                      const ServerOptions &options);

} // namespace pg
