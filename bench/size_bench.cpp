// Times syncs of one crew in sync over its size, and looks at the memory of the backend. Writes a Markdown table, and a
// plot of the times.

#include "floor.hpp"
#include "main.hpp"
#include "plot.hpp"
#include "process.hpp"
#include "statistics.hpp"
#include "syncing.hpp"
#include "world.hpp"

#include <chrono>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <thread>

namespace bench {

namespace {

constexpr int sizes[] = {100, 1000, 10'000, 50'000};
constexpr double most_growth = 1.3;
constexpr double mib = 1024 * 1024;
constexpr double most_peak_mib = 64;
constexpr double most_held_mib = 4;

constexpr CrewCall small_call{1};
constexpr CrewCall call{2};

/// Of a backend's own memory, in MiB beyond what it had while it was idle.
struct Memory {
    double peak, held;
};

/// Looks every millisecond, and at the kernel's own peak in the end.
Memory memory_of_sync(Syncing &syncing)
{
    const Process backend(syncing.session.pid());
    const long idle = backend.private_bytes();
    backend.reset_peak();
    long peak = idle;
    syncing.start(call);
    while (!syncing.session.has_ended()) {
        peak = std::max(peak, backend.private_bytes());
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    syncing.finish();
    peak = std::max(peak, backend.private_peak_bytes());
    return {static_cast<double>(peak - idle) / mib, static_cast<double>(backend.private_bytes() - idle) / mib};
}

struct Measured {
    int size;
    Times floor, ours;
    Memory first;   ///< of the first sync, which remembers all contacts
    Memory in_sync; ///< of one that has nothing to do, in a new session
};

Measured measure(World &world, int size, int runs)
{
    world.make_crew(call, {1, size});
    world.vacuum();
    Syncing ours;
    ours.sync(small_call);
    const Memory first = memory_of_sync(ours);
    world.vacuum();
    Syncing other;
    other.sync(small_call);
    const Memory in_sync = memory_of_sync(other);
    driver::Session floors;
    Floor floor(floors, world.simulator.url(), 1);
    floor.sync(call);
    std::vector<double> our_times, floor_times;
    for (int i = 0; i < 2 * runs; ++i) {
        const bool is_ours = (i + i / 2) % 2 == 0;
        (is_ours ? our_times : floor_times).push_back(time_of([&] {
            is_ours ? void(ours.sync(call)) : floor.sync(call);
        }));
    }
    return {size, times_of(floor_times), times_of(our_times), first, in_sync};
}

double per_contact(const Measured &measured)
{
    return measured.ours.median * 1000 / measured.size;
}

void print(const Measured &measured)
{
    std::cout << "| " << measured.size << " | " << text_of(measured.floor) << " | " << text_of(measured.ours) << " | "
              << fixed(measured.ours.median / measured.floor.median, 2) << " | "
              << rounded(measured.floor.median * 1000 / measured.size) << " | " << rounded(per_contact(measured))
              << " | " << fixed(measured.first.peak, 1) << ", " << fixed(measured.first.held, 1) << " | "
              << fixed(measured.in_sync.peak, 1) << ", " << fixed(measured.in_sync.held, 1) << " |" << std::endl;
}

/// What a sync costs beside its contacts makes those of a small crew dearer: growth is what the largest costs beyond
/// the cheapest.
void print_verdicts(const std::vector<Measured> &all)
{
    const Measured &largest = all.back();
    double cheapest = per_contact(largest), peak = 0, held = 0;
    for (const Measured &measured : all)
        cheapest = std::min(cheapest, per_contact(measured));
    for (const Memory &memory : {largest.first, largest.in_sync}) {
        peak = std::max(peak, memory.peak);
        held = std::max(held, memory.held);
    }
    const double growth = per_contact(largest) / cheapest;
    std::cout << "\nA contact in a crew of " << largest.size << " costs " << fixed(growth, 2)
              << " times as much as where it is cheapest, and "
              << fixed(per_contact(largest) / per_contact(all.front()), 2) << " times as much as in a crew of "
              << all.front().size << ". Targets: " << judged("growth ≤ " + fixed(most_growth, 1), growth <= most_growth)
              << "; " << judged("peak under " + fixed(most_peak_mib, 0) + " MiB above idle", peak < most_peak_mib)
              << "; " << judged("given back, to " + fixed(most_held_mib, 0) + " MiB", held <= most_held_mib) << "."
              << std::endl;
}

void write_plot(const std::vector<Measured> &all, const std::string &file)
{
    Curve ours{.name = "flex_sync", .points = {}}, floor{.name = "floor", .points = {}};
    for (const Measured &measured : all) {
        ours.points.push_back({static_cast<double>(measured.size), measured.ours.median});
        floor.points.push_back({static_cast<double>(measured.size), measured.floor.median});
    }
    std::ofstream svg(file);
    svg << plot("A sync of one crew in sync, over its size", ours, floor);
    if (!svg.flush())
        throw std::runtime_error("could not write " + file);
}

void run(World &world, int runs, const std::string &plot_file)
{
    world.clear();
    world.set_latency(0);
    world.add_call(small_call);
    world.make_crew(small_call, {1, 20});
    world.add_call(call);
    std::vector<Measured> all;
    for (const int size : sizes) {
        all.push_back(measure(world, size, runs));
        print(all.back());
    }
    print_verdicts(all);
    write_plot(all, plot_file);
}

} // namespace

} // namespace bench

int main(int count, char **arguments)
{
    return bench::run_main(count, arguments, "size_bench SIMULATOR_URL RUNS SVG_FILE", 3, [](const auto &operands) {
        bench::World world(operands[0]);
        bench::run(world, std::stoi(operands[1]), operands[2]);
    });
}
