#pragma once
// What happened in a script, for the checks that come after it.

#include "simulator.hpp"

#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

namespace chaos {

/// An invariant that does not hold.
struct Violation : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// What became of the transaction in which a sync ran.
enum class Fate { Open, Committed, Undone, Unknown };

/// A row of flex_sync_result.
struct Result {
    std::string status, message, diagnostics;
    std::map<std::string, long> numbers; ///< the other columns that are numbers

    long number(const char *name) const
    {
        const auto found = numbers.find(name);
        return found == numbers.end() ? 0 : found->second;
    }
};

/// A call of flex_sync_crew, or flex_sync_job.
struct Sync {
    std::string token; ///< its requests carry it; syncs of one transaction share it
    std::string call;
    bool is_nowait = false;
    std::string prune; ///< the effective one
    long max_removals = 0;
    double began_ms = 0, ended_ms = 0;
    int request_timeout_ms = 0;
    Fate fate = Fate::Open;
    std::vector<Result> results = {};
    std::string sqlstate = {};
    std::string error = {};
};

/// Something that a person did in Flex, or time that was made to pass.
struct Event {
    double at_ms;
    std::string element;  ///< empty: all
    std::string resource; ///< empty: any
};

/// A span in which Flex may behave in a way that the log does not tell.
struct Spell {
    double from_ms;
    double to_ms = 1e18;
    std::string what;
};

/// A line that is no contact, as it must stay.
struct Other {
    Line line;
    double since_ms;
};

struct Record {
    double began_ms = now_ms();
    std::vector<std::string> journal;
    std::vector<Sync> syncs;
    std::vector<Event> losses;  ///< contacts that went without a request of ours, or whose resource changed
    std::vector<Event> ageings; ///< what is remembered of lines that no listing showed was made older
    std::vector<Spell> spells;  ///< lies, lag, hidden adds and garbled answers
    std::unordered_map<std::string, std::string> resource_of; ///< of each line that was seen in Flex, in canonical form
    std::set<std::string> made_by_hand;                       ///< lines that a person made in Flex
    std::set<std::string> named_by_hand;                      ///< lines that a row named that was written by hand
    std::set<std::string> ever_hidden;                        ///< lines that no listing showed for a while
    std::set<std::string> ever_desired;                       ///< resources
    std::map<std::string, Other> others;                      ///< by id
    std::set<std::string> untyped;                            ///< those of which Flex shows no type
    /// Runs with the resources whose adds they have no answer to, as the log of the extension has it.
    std::set<std::pair<long, std::string>> unanswered;

    void note(const std::string &text) { journal.push_back(seconds(now_ms() - began_ms) + "  " + text); }

    bool had_spell(const std::string &what, double from_ms, double to_ms) const
    {
        for (const Spell &spell : spells)
            if (spell.what == what && spell.from_ms <= to_ms && spell.to_ms >= from_ms)
                return true;
        return false;
    }
};

} // namespace chaos
