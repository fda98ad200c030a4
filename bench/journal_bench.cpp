// What the journal costs syncs that change something: with it, and with the option `journal` at `off`. Writes rows of a
// Markdown table.

#include "main.hpp"
#include "process.hpp"
#include "statistics.hpp"
#include "syncing.hpp"
#include "world.hpp"

#include <array>
#include <iostream>

namespace bench {

namespace {

constexpr int sessions_at_once = 8;
constexpr int latency_ms = 20;
constexpr People five{1, 5};
constexpr int syncs_a_run = 20;

void print(const std::string &what, const std::vector<double> &without, const std::vector<double> &with)
{
    std::cout << "| " << what << " | " << text_of(times_of(without)) << " | " << text_of(times_of(with)) << " | "
              << fixed(times_of(with).median / times_of(without).median, 2) << " |" << std::endl;
}

/// Each session adds five people to a crew of its own, all at the same moment.
void add_at_once(World &world, int runs)
{
    world.clear();
    std::vector<CrewCall> calls;
    for (int i = 1; i <= sessions_at_once; ++i) {
        calls.push_back(CrewCall{i});
        world.add_call(calls.back());
    }
    std::vector<Syncing> sessions(sessions_at_once);
    std::array<std::vector<double>, 2> times;
    world.set_latency(latency_ms);
    for (int i = 0; i < 2 * runs; ++i) {
        const bool has_journal = (i + i / 2) % 2 == 0;
        world.set_journal(has_journal);
        for (const CrewCall &call : calls) {
            world.make_crew(call, {});
            world.change_crew(call, {.name = "", .title = "", .latency_ms = latency_ms, .present = {}, .added = five});
        }
        times[has_journal].push_back(time_of([&] {
            for (std::size_t j = 0; j < calls.size(); ++j)
                sessions[j].start(calls[j]);
            for (Syncing &session : sessions)
                session.finish();
        }));
    }
    print(std::to_string(sessions_at_once) + " sessions at once, each with " + std::to_string(five.size()) +
              " adds with roles, " + std::to_string(latency_ms) + " ms a request: time",
          times[false], times[true]);
}

/// CPU of a sync that adds one person: of the client, its backend and the backend's worker.
void count_cpu(World &world, int runs)
{
    const CrewCall call{1};
    world.clear();
    world.set_latency(0);
    world.add_call(call);
    Syncing ours;
    std::array<std::vector<double>, 2> cpu;
    const Process backend(ours.session.pid());
    const auto add_one = [&] {
        world.make_crew(call, {});
        world.change_crew(call, {.name = "", .title = "", .latency_ms = 0, .present = {}, .added = {1, 1}});
        const double before = own_cpu_ms() + backend.cpu_ms();
        ours.sync(call);
        return own_cpu_ms() + backend.cpu_ms() - before;
    };
    for (int i = 0; i < 2 * runs; ++i) {
        const bool has_journal = (i + i / 2) % 2 == 0;
        world.set_journal(has_journal);
        add_one(); // starts the worker
        const int worker = has_journal ? world.worker() : 0;
        const double worker_before = worker ? Process(worker).cpu_ms() : 0;
        double total = 0;
        for (int j = 0; j < syncs_a_run; ++j)
            total += add_one();
        if (worker)
            total += Process(worker).cpu_ms() - worker_before;
        cpu[has_journal].push_back(total / syncs_a_run);
    }
    print("one add, 0 ms a request: CPU of client, backend and worker", cpu[false], cpu[true]);
}

} // namespace

} // namespace bench

int main(int count, char **arguments)
{
    return bench::run_main(count, arguments, "journal_bench SIMULATOR_URL RUNS", 2, [](const auto &operands) {
        const int runs = std::stoi(operands[1]);
        bench::World world(operands[0]);
        bench::add_at_once(world, runs);
        bench::count_cpu(world, runs);
    });
}
