#pragma once
// Rules that make the simulated Flex fail, and which of them apply to a call.

#include <mutex>
#include <optional>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "call.hpp"

namespace flexsim {

/// When, seen from the carrying out of the call, something happens.
enum class Moment { Never, Before, After };

/// What a rule does to a call. A default one does nothing. The parts combine.
struct Action {
    int delay_ms = 0;
    Moment hold = Moment::Never, hang = Moment::Never, drop = Moment::Never;
    std::optional<bool> act;
    std::optional<int> status;
    Headers headers;
    std::optional<std::string> body;
    std::size_t huge_body = 0, deep_json = 0;
    Pace slow_body;
    bool cut_body = false, chunked = false;
    std::optional<int> close_idle_ms;
    std::optional<std::string> refresh_token;
    bool only_new_token = false;
    bool half_listing = false, hide_add = false;
    int lost_row = 0; ///< from 1; 0: none
    std::optional<std::string> relabel;

    /// Whether the call is carried out: as `act` says, otherwise unless the answer is a made-up one or
    /// the connection is dropped before.
    bool carries_out() const;
};

struct Rule {
    std::set<Kind> kinds; ///< Empty: all.
    std::optional<std::string> method, path_text, element;
    std::optional<std::regex> path; ///< Of path_text.
    std::optional<bool> kept;
    std::size_t skip = 0;
    std::size_t times = 1; ///< 0: always.
    Action action;
    std::size_t matched = 0, applied = 0;

    bool matches(const Call &call) const;
};

/// Thread-safe.
class Faults {
public:
    /// Adds one rule, or an array of them, after those there are. Throws BadRequest, adding none.
    void add(const Json &rules);

    void clear();

    /// The action of the first rule that applies to the call, counted as applied. Rules before it that
    /// match but skip the call count it too.
    Action take(const Call &call);

    /// Writes the rules with how many calls each has matched and been applied to.
    void write(JsonWriter &writer) const;

private:
    mutable std::mutex mutex_;
    std::vector<Rule> rules_;
};

} // namespace flexsim
