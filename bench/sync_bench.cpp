// Times syncs of one crew, flex_sync's and the peers' against the floor, as a client sees them, and writes a row of a
// Markdown table for each scenario.

#include "main.hpp"
#include "side.hpp"
#include "statistics.hpp"
#include "world.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <stdexcept>

namespace bench {

namespace {

constexpr int max_parallel = 6;

/// The peers take a while; and what they are compared with is no matter of per cents.
constexpr int most_runs_of_peers = 7;

constexpr const char *in_sync = "20 in sync";
constexpr const char *adds = "20 adds with roles, from nothing";

const std::array scenarios{
    Scenario{.name = "in_sync_20_at_0", .title = in_sync, .latency_ms = 0, .present = {1, 20}, .target = 2},
    Scenario{.name = "in_sync_20_at_20", .title = in_sync, .latency_ms = 20, .present = {1, 20}, .target = 1.05},
    Scenario{.name = "in_sync_20_at_100", .title = in_sync, .latency_ms = 100, .present = {1, 20}},
    Scenario{.name = "add_20_at_0", .title = adds, .latency_ms = 0, .present = {}, .added = {1, 20}},
    Scenario{.name = "add_20_at_20",
             .title = adds,
             .latency_ms = 20,
             .present = {},
             .added = {1, 20},
             .target = 1.05,
             .requests = 42,
             .peers_times = 4},
    Scenario{.name = "add_20_at_20_cold",
             .title = "20 adds with roles, the journal's worker to be started",
             .latency_ms = 20,
             .present = {},
             .added = {1, 20},
             .is_cold = true,
             .target = 1.1},
    Scenario{.name = "add_20_at_100", .title = adds, .latency_ms = 100, .present = {}, .added = {1, 20}},
    Scenario{.name = "remove_20",
             .title = "20 removals of 40",
             .latency_ms = 20,
             .present = {1, 40},
             .removed = {1, 20},
             .target = 1.2},
    Scenario{.name = "bulk_remove_20",
             .title = "20 removals of 40, with `bulk_delete`",
             .latency_ms = 20,
             .present = {1, 40},
             .removed = {1, 20},
             .is_bulk = true,
             .requests = 3},
    Scenario{.name = "stale_5",
             .title = "5 of 20 gone from Flex, added again",
             .latency_ms = 20,
             .present = {1, 20},
             .dropped = {1, 5},
             .target = 1.2},
    Scenario{.name = "in_sync_2000", .title = "2,000 in sync", .latency_ms = 0, .present = {1, 2000}, .target = 1.3},
};

std::string sum_text(const std::map<std::string, int> &requests)
{
    std::string text;
    for (const auto &[kind, count] : requests)
        text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + kind;
    return text;
}

int sum(const std::map<std::string, int> &requests)
{
    int total = 0;
    for (const auto &[kind, count] : requests)
        total += count;
    return total;
}

/// The sides on one scenario.
class Comparison {
public:
    Comparison(const std::string &root, const char *edge_command, bool has_python) : world_(root)
    {
        const std::string base_url = root + "/f5/api";
        floor_ = make_floor_side(CrewCall{1}, base_url, max_parallel);
        ours_ = make_flex_sync_side(CrewCall{2});
        if (edge_command)
            edge_ = make_edge_side(CrewCall{3}, edge_command);
        if (has_python)
            python_ = make_python_side(CrewCall{4}, base_url);
        world_.clear();
        for (const Side *side : {floor_.get(), ours_.get(), edge_.get(), python_.get()})
            if (side)
                world_.add_call(side->call);
    }

    void run(const Scenario &scenario, int runs)
    {
        world_.set_latency(scenario.latency_ms);
        if (scenario.is_bulk)
            world_.set_bulk_delete(true);
        run_in_turn(scenario, runs);
        if (scenario.is_bulk)
            world_.set_bulk_delete(false);
    }

private:
    /// Alternates between the sides, so that a disturbance of the machine meets both.
    void run_in_turn(const Scenario &scenario, int runs)
    {
        std::vector<double> floors, ours, edges, pythons;
        std::map<std::string, int> requests;
        const bool has_peers = !scenario.is_bulk && !scenario.is_cold && scenario.present.size() <= 100;
        for (int i = 0; i < runs; ++i) {
            for (const bool is_ours : {i % 2 == 0, i % 2 != 0}) {
                (is_ours ? ours : floors).push_back(run_side(is_ours ? *ours_ : *floor_, scenario));
                if (!requests.empty() && requests_ != requests)
                    throw std::runtime_error(std::string(scenario.name) + ": the sides sent different requests");
                requests = requests_;
            }
            if (i < most_runs_of_peers && has_peers && edge_)
                edges.push_back(run_side(*edge_, scenario));
            if (i < most_runs_of_peers && has_peers && python_)
                pythons.push_back(run_side(*python_, scenario));
        }
        print(scenario, requests, times_of(floors), times_of(ours), edges, pythons);
    }

    /// Of a crew in sync that the side has synced before.
    double run_side(Side &side, const Scenario &scenario)
    {
        const Scenario nothing{.name = scenario.name, .title = "", .latency_ms = 0, .present = scenario.present};
        world_.make_crew(side.call, scenario.present);
        world_.vacuum();
        side.sync(nothing);
        if (scenario.is_cold)
            world_.end_workers();
        world_.change_crew(side.call, scenario);
        world_.simulator.clear_log();
        const double time = time_of([&] { side.sync(scenario); });
        requests_ = world_.simulator.counts();
        if (world_.kept_if_in_sync(side.call) != scenario.crew_size())
            throw std::runtime_error(std::string(scenario.name) + ": the crew is not in sync afterwards");
        return time;
    }

    void print(const Scenario &scenario, const std::map<std::string, int> &requests, const Times &floor,
               const Times &ours, const std::vector<double> &edges, const std::vector<double> &pythons) const
    {
        const double ratio = ours.median / floor.median;
        std::cout << "| " << scenario.title << " | " << scenario.latency_ms << " ms | " << sum_text(requests) << " | "
                  << text_of(floor) << " | " << text_of(ours) << " | " << fixed(ratio, 2) << " | "
                  << fixed(ours.least / floor.least, 2) << " | ";
        std::string targets;
        const auto add_target = [&](const std::string &target, bool is_met) {
            targets += (targets.empty() ? "" : "; ") + judged(target, is_met);
        };
        if (scenario.target > 0)
            add_target("ratio ≤ " + fixed(scenario.target, 2), ratio <= scenario.target);
        if (scenario.requests > 0)
            add_target(std::to_string(scenario.requests) + " requests", sum(requests) == scenario.requests);
        double least_times = HUGE_VAL;
        std::string cells;
        for (const auto &times : {edges, pythons}) {
            if (times.empty()) {
                cells += " – |";
                continue;
            }
            const double median = times_of(times).median;
            cells += " " + rounded(median) + ", " + fixed(median / floor.median, 1) + " |";
            least_times = std::min(least_times, median / ours.median);
        }
        if (scenario.peers_times > 0 && std::isfinite(least_times))
            add_target("peers ≥ " + fixed(scenario.peers_times, 0) + " × flex_sync",
                       least_times >= scenario.peers_times);
        std::cout << targets << " |" << cells << std::endl;
    }

    World world_;
    std::unique_ptr<Side> floor_, ours_, edge_, python_;
    std::map<std::string, int> requests_; ///< of the last sync
};

} // namespace

} // namespace bench

int main(int count, char **arguments)
{
    constexpr const char *usage =
        "sync_bench SIMULATOR_URL RUNS [SCENARIO]...\n"
        "EDGE_COMMAND in the environment starts the one peer, PYTHON_SYNC says that the other is installed.";
    return bench::run_main(count, arguments, usage, 2, [](const std::vector<std::string> &operands) {
        bench::Comparison comparison(operands[0], std::getenv("EDGE_COMMAND"), std::getenv("PYTHON_SYNC") != nullptr);
        for (const bench::Scenario &scenario : bench::scenarios)
            if (operands.size() == 2 ||
                std::find(operands.begin() + 2, operands.end(), scenario.name) != operands.end())
                comparison.run(scenario, std::stoi(operands[1]));
    });
}
