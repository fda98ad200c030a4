#pragma once
// The crews of the benchmarks, in the simulator and in the database: makes them, changes them, and tells whether they
// agree.

#include "crew.hpp"
#include "driver/session.hpp"
#include "driver/simulator.hpp"

namespace bench {

class World {
public:
    /// `root` is where the simulator listens.
    explicit World(const std::string &root) : simulator(root) {}

    /// Before each answer of the simulator.
    void set_latency(int ms);

    /// Forgets all crew calls.
    void clear();

    void add_call(const CrewCall &call);

    /// Makes the crew of these people anew, in sync, as if flex_sync had never seen it.
    void make_crew(const CrewCall &call, const People &people);

    /// After crews were made: as autovacuum would do it at some time, and not while something is measured.
    void vacuum();

    /// Whether flex_sync keeps a journal.
    void set_journal(bool is_on);

    /// The process id of the background worker that writes the journal of the only session that has one.
    int worker();

    /// Ends these workers.
    void end_workers();

    /// Whether flex_sync may remove many lines with one request.
    void set_bulk_delete(bool is_on);

    /// What the scenario says happens to a crew.
    void change_crew(const CrewCall &call, const Scenario &scenario);

    /// How many are kept, if a sync would do nothing else; -1 if it would.
    int kept_if_in_sync(const CrewCall &call);

    driver::Simulator simulator;

private:
    void desire(const CrewCall &call, const People &people);

    driver::Session admin_;
};

} // namespace bench
