// Times flex_sync_crew against the floor, as a client sees both, and writes a row of a Markdown table for each
// scenario.

#include "floor.hpp"
#include "simulator.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <stdexcept>

namespace bench {

namespace {

constexpr int max_parallel = 6;

const std::array scenarios{
    Scenario{.name = "in_sync_20_slow",
             .title = "a crew of 20 in sync",
             .latency_ms = 20,
             .present = {1, 20},
             .target = 1.15},
    Scenario{.name = "add_20",
             .title = "20 adds with roles, from nothing",
             .latency_ms = 20,
             .present = {},
             .added = {1, 20},
             .target = 1.3},
    Scenario{.name = "remove_20",
             .title = "20 removals from a crew of 40",
             .latency_ms = 20,
             .present = {1, 40},
             .removed = {1, 20}},
    Scenario{.name = "stale_5",
             .title = "5 of a crew of 20 gone from Flex, added again",
             .latency_ms = 20,
             .present = {1, 20},
             .dropped = {1, 5}},
    Scenario{.name = "in_sync_20", .title = "a crew of 20 in sync", .latency_ms = 0, .present = {1, 20}},
    Scenario{.name = "in_sync_2000", .title = "a crew of 2,000 in sync", .latency_ms = 0, .present = {1, 2000}},
};

struct Times {
    double least, median, most;
};

Times times_of(std::vector<double> milliseconds)
{
    std::sort(milliseconds.begin(), milliseconds.end());
    return {milliseconds.front(), milliseconds[milliseconds.size() / 2], milliseconds.back()};
}

/// The two sides, with a connection each, and one more to prepare and check their crews.
class Comparison {
public:
    Comparison(const std::string &conninfo, const std::string &root)
        : simulator_(root), admin_(conninfo), ours_(conninfo), floors_(conninfo),
          floor_(floors_, root + "/f5/api", max_parallel)
    {
        ours_.prepare("sync", "SELECT * FROM flex_sync_crew($1)");
        for (const CrewCall &call : {our_call, floor_call})
            admin_.run("INSERT INTO flex_crew_calls (id, flex_element_id) VALUES ($1, $2)",
                       {call.id(), call.element()});
    }

    /// Alternates between the sides, so that a disturbance of the machine meets both.
    void run(const Scenario &scenario, int runs)
    {
        simulator_.set_latency(scenario.latency_ms);
        requests_.clear();
        std::vector<double> ours, floors;
        for (int i = 0; i < 2 * runs; ++i) {
            const bool is_ours = (i + i / 2) % 2 == 0;
            (is_ours ? ours : floors).push_back(run_side(scenario, is_ours));
        }
        print(scenario, times_of(ours), times_of(floors));
    }

private:
    static constexpr CrewCall our_call{1};
    static constexpr CrewCall floor_call{2};

    double run_side(const Scenario &scenario, bool is_ours)
    {
        const CrewCall &call = is_ours ? our_call : floor_call;
        make_crew(call, scenario.present);
        is_ours ? sync_ours() : floor_.sync(call);
        change_crew(call, scenario);
        simulator_.clear_log();
        const auto begin = std::chrono::steady_clock::now();
        is_ours ? sync_ours() : floor_.sync(call, scenario);
        const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - begin;
        check_requests(scenario);
        check_in_sync(call, scenario);
        return time.count();
    }

    void sync_ours()
    {
        const Result result = ours_.run_prepared("sync", {our_call.id()});
        if (result.at("status") != "ok")
            throw std::runtime_error("flex_sync_crew: " + result.at("status") + ": " + result.at("message"));
    }

    void make_crew(const CrewCall &call, const People &people)
    {
        simulator_.seed(call, people);
        admin_.run("DELETE FROM flex_sync_contact WHERE flex_element_id = $1", {call.element()});
        admin_.run("DELETE FROM flex_crew_assignments WHERE crew_call_id = $1", {call.id()});
        admin_.run("DELETE FROM flex_desired_crew WHERE crew_call_id = $1", {call.id()});
        desire(call, people);
        admin_.run(R"(
            INSERT INTO flex_crew_assignments (crew_call_id, technician_id, flex_line_item_id)
            SELECT $1, technician, line FROM unnest($2::uuid[], $3::text[]) AS _ (technician, line))",
                   {call.id(), array_of(call, people, &CrewCall::technician), array_of(call, people, &CrewCall::line)});
        for (const char *table : {"flex_sync_contact", "flex_crew_assignments", "flex_desired_crew"})
            admin_.run((std::string("VACUUM ANALYZE ") + table).c_str());
    }

    void change_crew(const CrewCall &call, const Scenario &scenario)
    {
        desire(call, scenario.added);
        admin_.run("DELETE FROM flex_desired_crew WHERE crew_call_id = $1 AND technician_id = ANY ($2::uuid[])",
                   {call.id(), array_of(call, scenario.removed, &CrewCall::technician)});
        simulator_.delete_lines(call, scenario.dropped);
    }

    void desire(const CrewCall &call, const People &people)
    {
        admin_.run(R"(
            INSERT INTO flex_desired_crew (crew_call_id, technician_id, flex_resource_id, business_role_id)
            SELECT $1, technician, resource, $4 FROM unnest($2::uuid[], $3::text[]) AS _ (technician, resource))",
                   {call.id(), array_of(call, people, &CrewCall::technician),
                    array_of(call, people, &CrewCall::resource), business_role});
    }

    static std::string array_of(const CrewCall &call, const People &people, std::string (CrewCall::*id)(int) const)
    {
        std::string array = "{";
        for (int n = people.first; n <= people.last; ++n)
            array += (n > people.first ? "," : "") + (call.*id)(n);
        return array + "}";
    }

    /// Every run of both sides must send the same requests.
    void check_requests(const Scenario &scenario)
    {
        std::map<std::string, int> requests = simulator_.counts();
        if (requests.empty() || (!requests_.empty() && requests != requests_))
            throw std::runtime_error(scenario.name + ": the sides sent different requests");
        requests_ = std::move(requests);
    }

    /// Both sides must have done the work: nothing is left to do, and everybody is kept.
    void check_in_sync(const CrewCall &call, const Scenario &scenario)
    {
        const Result plan = admin_.run(R"(
            SELECT count(*) FILTER (WHERE action = 'keep') AS kept, count(*) FILTER (WHERE action <> 'keep') AS open
            FROM flex_sync_plan($1))",
                                       {call.id()});
        const auto size = [](const People &people) { return people.last - people.first + 1; };
        const int desired = size(scenario.present) + size(scenario.added) - size(scenario.removed);
        if (plan.at("open") != "0" || plan.at("kept") != std::to_string(desired))
            throw std::runtime_error(scenario.name + ": the crew is not in sync afterwards");
    }

    void print(const Scenario &scenario, const Times &ours, const Times &floor) const
    {
        const double ratio = ours.median / floor.median;
        std::string requests;
        for (const auto &[kind, count] : requests_)
            requests += (requests.empty() ? "" : ", ") + std::to_string(count) + " " + kind;
        const auto print_times = [](const Times &times) {
            std::printf(" %.2f (%.2f to %.2f) |", times.median, times.least, times.most);
        };
        std::printf("| %s | %d ms | %s |", scenario.title.c_str(), scenario.latency_ms, requests.c_str());
        print_times(floor);
        print_times(ours);
        std::printf(" %.2f | %.2f |", ratio, ours.least / floor.least);
        if (scenario.target > 0)
            std::printf(" %.2f, %s |\n", scenario.target, ratio <= scenario.target ? "met" : "missed");
        else
            std::printf(" |\n");
        std::fflush(stdout);
    }

    Simulator simulator_;
    Database admin_, ours_, floors_;
    Floor floor_;
    std::map<std::string, int> requests_; ///< of each run of this scenario, by kind
};

} // namespace

} // namespace bench

int main(int count, char **arguments)
try {
    if (count < 4) {
        std::cerr << "Usage: sync_bench CONNINFO SIMULATOR_URL RUNS [SCENARIO]...\n";
        return 2;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    bench::Comparison comparison(arguments[1], arguments[2]);
    for (const bench::Scenario &scenario : bench::scenarios) {
        const auto is_named = [&](const char *name) { return scenario.name == name; };
        if (count == 4 || std::any_of(arguments + 4, arguments + count, is_named))
            comparison.run(scenario, std::stoi(arguments[3]));
    }
    return 0;
} catch (const std::exception &error) {
    std::cerr << "sync_bench: " << error.what() << '\n';
    return 1;
}
