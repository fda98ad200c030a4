#pragma once
// A random script: its crew calls, the server's options, and steps. All of it follows from a seed and a number.

#include "random.hpp"

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace chaos {

/// What a step does. Each has dice of its own, so that one that is left out does not change the others.
enum class Deed {
    Desire,      ///< technicians are assigned
    Withdraw,    ///< a technician is withdrawn
    NewResource, ///< a technician's resource changes
    NewRole,     ///< a technician's business role changes
    FlexDelete,  ///< somebody deletes a contact in Flex
    FlexAdd,     ///< … adds one, also of somebody who is there, or a stranger
    FlexRole,    ///< … changes a role
    FlexSwap,    ///< … changes the resource of a contact
    FlexOther,   ///< … adds a line that is no contact
    FlexReveal,  ///< … a contact that no listing showed shows up
    RowEdit,     ///< a row of flex_crew_assignments is written by hand
    RowLock,     ///< rows are locked over what comes next, or given back
    Refer,       ///< the application hangs something onto a row, or takes it off again
    Fault,       ///< Flex will answer badly once or twice
    Lie,         ///< Flex will answer a listing that is whole and wrong
    Vanish,      ///< … one that lacks a single contact
    Lag,         ///< listings show what was there a while ago
    Release,     ///< requests that are held go on, whoever still waits for them
    Pause,
    Sync,        ///< one sync, perhaps cancelled, terminated or short of time
    Together,    ///< several at once, while other things happen
    Transaction, ///< syncs within a transaction that may be rolled back
    Crash,       ///< a backend is killed in a sync: the server restarts
    Quiet,       ///< faults end, time passes, and everything is checked
};

std::string_view name_of(Deed deed);

struct Step {
    Deed deed;
    std::uint64_t dice;
};

struct CrewCall {
    std::string id;
    std::string element; ///< as the call spells it
    std::string department;
};

/// Options of the foreign server while there are faults.
struct Options {
    std::string prune;
    int deadline_ms, request_timeout_ms, retries, max_parallel, max_removals;
    std::string bulk_delete; ///< "off", or a parameter's name
};

struct Script {
    std::uint64_t seed = 0;
    int number = 0;
    Options options;
    std::string shape; ///< how Flex shows rows, as JSON
    bool shows_roles = true;
    std::string bulk_delete; ///< what Flex makes of it: refuse, act, ignore
    int latency_ms = 0;
    std::string settings; ///< of all sessions, as SQL
    bool has_two_servers = false;
    std::string job;
    std::vector<std::string> elements;
    std::vector<CrewCall> calls;
    std::vector<std::string> technicians;
    std::vector<std::string> resources; ///< beside `technicians`: what is theirs at first
    std::vector<Step> steps;

    std::string title() const;
};

/// `may_crash`: some steps may be Crash. `left_out`: numbers of steps, from 1.
Script write_script(std::uint64_t seed, int number, bool may_crash, const std::set<int> &left_out);

} // namespace chaos
