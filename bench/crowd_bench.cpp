// Times many syncs: of one crew at once, which should cost hardly more than one, and of all crews in a row. Writes rows
// of Markdown tables.

#include "floor.hpp"
#include "main.hpp"
#include "statistics.hpp"
#include "syncing.hpp"
#include "world.hpp"

#include <iostream>
#include <stdexcept>

namespace bench {

namespace {

constexpr int latency_ms = 20;
constexpr int max_parallel = 6;
constexpr People crew{1, 20};

constexpr int connections = 50;
constexpr int most_listings = 3;
constexpr double most_times_one = 4;

constexpr int calls_due = 500;
constexpr double most_times_floor = 1.2;

/// All connections sync one crew in sync at the same moment. Of the listings the most of all runs counts.
void sync_one_crew_at_once(World &world, int runs)
{
    const CrewCall call{1};
    world.clear();
    world.add_call(call);
    world.make_crew(call, crew);
    world.vacuum();
    std::vector<Syncing> sessions(connections);
    for (Syncing &session : sessions)
        session.sync(call);
    world.set_latency(latency_ms);
    std::vector<double> one, all;
    int listings = 0;
    for (int i = 0; i < runs; ++i) {
        one.push_back(time_of([&] { sessions.front().sync(call); }));
        world.simulator.clear_log();
        all.push_back(time_of([&] {
            for (Syncing &session : sessions)
                session.start(call);
            for (Syncing &session : sessions)
                session.finish();
        }));
        listings = std::max(listings, world.simulator.counts()["list"]);
    }
    const double ratio = times_of(all).median / times_of(one).median;
    std::cout << "| " << connections << " syncs of one crew of " << crew.size() << " in sync, at once | " << latency_ms
              << " ms | at most " << listings << " list | one sync: " << text_of(times_of(one)) << " | "
              << text_of(times_of(all)) << " | " << fixed(ratio, 2) << " | "
              << judged("at most " + std::to_string(most_listings) + " listings", listings <= most_listings) << "; "
              << judged("ratio ≤ " + fixed(most_times_one, 0), ratio <= most_times_one) << " |" << std::endl;
}

/// CALL flex_sync_all() over crews that are all in sync.
void sync_all(World &world, int runs)
{
    world.clear();
    std::vector<CrewCall> calls;
    for (int i = 1; i <= calls_due; ++i) {
        calls.push_back(CrewCall{i});
        world.add_call(calls.back());
        world.make_crew(calls.back(), crew);
    }
    world.vacuum();
    driver::Session ours, floors;
    ours.run("SET client_min_messages = warning");
    Floor floor(floors, world.simulator.url(), max_parallel);
    const auto sync = [&](bool is_ours) { is_ours ? void(ours.run("CALL flex_sync_all()")) : floor.sync_all(calls); };
    sync(true);
    sync(false);
    world.vacuum();
    world.set_latency(latency_ms);
    std::vector<double> our_times, floor_times;
    for (int i = 0; i < 2 * runs; ++i) {
        const bool is_ours = (i + i / 2) % 2 == 0;
        world.simulator.clear_log();
        (is_ours ? our_times : floor_times).push_back(time_of([&] { sync(is_ours); }));
        if (world.simulator.counts() != std::map<std::string, int>{{"list", calls_due}})
            throw std::runtime_error("flex_sync_all or its floor did not list each crew once, and nothing else");
    }
    const double ratio = times_of(our_times).median / times_of(floor_times).median;
    std::cout << "| `CALL flex_sync_all()`, " << calls_due << " crews of " << crew.size() << " in sync | " << latency_ms
              << " ms | " << calls_due << " list | floor: " << text_of(times_of(floor_times)) << " | "
              << text_of(times_of(our_times)) << " | " << fixed(ratio, 2) << " | "
              << judged("ratio ≤ " + fixed(most_times_floor, 1), ratio <= most_times_floor) << " |" << std::endl;
}

} // namespace

} // namespace bench

int main(int count, char **arguments)
{
    return bench::run_main(count, arguments, "crowd_bench SIMULATOR_URL RUNS", 2, [](const auto &operands) {
        const int runs = std::stoi(operands[1]);
        bench::World world(operands[0]);
        world.set_latency(0);
        bench::sync_one_crew_at_once(world, runs);
        world.set_latency(0);
        bench::sync_all(world, runs);
    });
}
