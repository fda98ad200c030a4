#pragma once
// The crews that the benchmarks sync. Ids follow from numbers, so that both sides know them beforehand.

#include <cstdio>
#include <string>

namespace bench {

inline constexpr const char *token = "test-token";
inline constexpr const char *business_role = "90000000-0000-4000-8000-000000000000";

/// One crew call with its element and its people, numbered from 1. Each side of a comparison has its own.
struct CrewCall {
    int side;

    std::string id() const { return uuid(0xc, side, 0); }
    std::string element() const { return uuid(0xe, side, 0); }
    std::string line(int person) const { return uuid(0xd, side, person); }
    std::string technician(int person) const { return uuid(0xa, 0, person); }
    std::string resource(int person) const { return uuid(0xb, 0, person); }

private:
    static std::string uuid(int kind, int of, int number)
    {
        char text[48];
        std::snprintf(text, sizeof text, "%x%07x-0000-4000-8000-%012x", kind, of, number);
        return text;
    }
};

/// What is to be done, from the first person on to the last.
struct People {
    int first = 1;
    int last = 0;

    int size() const { return last - first + 1; }
};

/// A case: a crew in sync, what then happens to it, and so what a sync has to do.
struct Scenario {
    const char *name;
    const char *title;
    int latency_ms;
    People present;         ///< on the call in Flex, desired, with a row
    People added = {};      ///< desired from now on
    People removed = {};    ///< no longer desired
    People dropped = {};    ///< whose contact somebody deleted in Flex
    bool is_cold = false;   ///< flex_sync has to start a worker for its journal
    bool is_bulk = false;   ///< all are removed by one request
    double target = 0;      ///< the most that a sync may take, as a multiple of the floor; 0: none
    int requests = 0;       ///< how many there should be; 0: as many as the floor sends, whatever that is
    double peers_times = 0; ///< how many times as long the peers should take, at least; 0: no target

    int crew_size() const { return present.size() + added.size() - removed.size(); }
};

} // namespace bench
