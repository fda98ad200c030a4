// Counts the CPU time of a sync of a crew of 20 in sync: of the client and its backend together, the simulator left
// out. Writes rows of a Markdown table.

#include "floor.hpp"
#include "main.hpp"
#include "process.hpp"
#include "statistics.hpp"
#include "syncing.hpp"
#include "world.hpp"

#include <array>
#include <iostream>

namespace bench {

namespace {

constexpr int syncs_a_run = 30;
constexpr double most_beyond_request_ms = 0.5;

struct Cpu {
    double client, backend;
};

/// Of each of the syncs, in milliseconds.
template <typename Work> Cpu cpu_of(const Process &backend, Work &&work)
{
    const double client_before = own_cpu_ms(), backend_before = backend.cpu_ms();
    for (int i = 0; i < syncs_a_run; ++i)
        work();
    return {(own_cpu_ms() - client_before) / syncs_a_run, (backend.cpu_ms() - backend_before) / syncs_a_run};
}

struct Row {
    const char *title;
    std::vector<double> client = {}, backend = {}, both = {};

    void add(const Cpu &cpu)
    {
        client.push_back(cpu.client);
        backend.push_back(cpu.backend);
        both.push_back(cpu.client + cpu.backend);
    }

    double total() const { return times_of(both).median; }

    void print() const
    {
        std::cout << "| " << title << " | " << text_of(times_of(client)) << " | " << text_of(times_of(backend)) << " | "
                  << text_of(times_of(both)) << " |\n";
    }
};

void count_cpu(World &world, int runs)
{
    const CrewCall call{1};
    world.clear();
    world.add_call(call);
    world.make_crew(call, {1, 20});
    world.vacuum();
    Syncing ours;
    driver::Session floors;
    Floor floor(floors, world.simulator.url(), 1);
    const Process our_backend(ours.session.pid()), floor_backend(floors.pid());
    const auto sync = [&] { ours.sync(call); };
    const auto floor_sync = [&] { floor.sync(call); };
    const auto list = [&] { floor.list({call}); };
    Row request{"the request alone, with bare libcurl"}, floor_row{"the floor"}, our_row{"flex_sync"};
    for (int i = 0; i <= runs; ++i) {
        const Cpu request_cpu = cpu_of(floor_backend, list), floor_cpu = cpu_of(floor_backend, floor_sync),
                  our_cpu = cpu_of(our_backend, sync);
        if (i == 0)
            continue; // warming up
        request.add(request_cpu);
        floor_row.add(floor_cpu);
        our_row.add(our_cpu);
    }
    for (const Row *row : {&request, &floor_row, &our_row})
        row->print();
    const double beyond = our_row.total() - request.total();
    std::cout << "\nflex_sync beyond the request: " << rounded(beyond)
              << " ms, beyond the floor: " << rounded(our_row.total() - floor_row.total()) << " ms. Target: "
              << judged("under " + fixed(most_beyond_request_ms, 1) + " ms beyond the request",
                        beyond < most_beyond_request_ms)
              << "." << std::endl;
}

} // namespace

} // namespace bench

int main(int count, char **arguments)
{
    return bench::run_main(count, arguments, "cpu_bench SIMULATOR_URL RUNS", 2, [](const auto &operands) {
        bench::World world(operands[0]);
        world.set_latency(0);
        bench::count_cpu(world, std::stoi(operands[1]));
    });
}
