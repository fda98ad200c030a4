// Times a sync that has nothing to do, with and without request limits, where the log holds a million runs of the
// account: spread over ninety days, and all of them in the last one. Writes a Markdown table.

#include "main.hpp"
#include "statistics.hpp"
#include "syncing.hpp"
#include "world.hpp"

#include <iostream>
#include <stdexcept>

namespace bench {

namespace {

constexpr double most_beyond_ms = 1;
constexpr int syncs_a_run = 10;
constexpr CrewCall call{1};

/// A session that syncs through a server.
struct Through : Syncing {
    explicit Through(const char *server)
    {
        session.run(std::string("SET flex_sync.server = '") + server + "'");
        sync(); // what the runs have spent is summed up once
    }

    void sync()
    {
        if (Syncing::sync(call).at("http_requests") != "1")
            throw std::runtime_error("flex_sync_crew: more than a listing");
    }
};

void make_servers(driver::Session &admin, const std::string &base_url)
{
    for (const std::string name : {"unlimited", "limited"})
        admin.run("CREATE SERVER " + name + " FOREIGN DATA WRAPPER flex_sync OPTIONS (url '" + base_url +
                  "'); CREATE USER MAPPING FOR CURRENT_USER SERVER " + name + " OPTIONS (token 'test-token')");
    admin.run("ALTER SERVER limited OPTIONS (hourly_limit '100000000', daily_limit '100000000')");
}

/// A million runs, one every `interval`.
void fill_log(driver::Session &admin, const std::string &base_url, const char *interval)
{
    admin.run("TRUNCATE flex_sync_log, flex_sync_log_operation, flex_sync_requests");
    admin.start(R"(
        INSERT INTO flex_sync_log (crew_call_id, status, desired, kept, adopted, added, removed, stale, pruned, roles_set,
                                   skipped, failed, passes, http_requests, duration_ms, message, diagnostics,
                                   flex_element_id, server, prune, max_removals, started_at, triggered_by,
                                   application_name, url)
        SELECT '00000000-0000-4000-8000-000000000001', 'ok', 20, 20, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 200,
               '20 technicians are on the crew call: 20 kept.', '[]', 'element-' || g % 400, 'unlimited', 'all', 5,
               now() - g * $2::interval, 'bench', 'bench', $1
        FROM generate_series(1, 1000000) AS g)",
                {base_url, interval});
    admin.result(std::chrono::minutes(10));
    admin.run("VACUUM ANALYZE flex_sync_log");
}

void measure(driver::Session &admin, const std::string &base_url, const char *spread, const char *interval, int runs)
{
    fill_log(admin, base_url, interval);
    Through without("unlimited"), with("limited");
    std::vector<double> times_without, times_with;
    for (int i = 0; i < 2 * runs * syncs_a_run; ++i) {
        const bool is_limited = (i + i / 2) % 2 == 0;
        (is_limited ? times_with : times_without).push_back(time_of([&] { (is_limited ? with : without).sync(); }));
    }
    const Times limited = times_of(times_with), unlimited = times_of(times_without);
    const double beyond = limited.median - unlimited.median;
    std::cout << "| a million, over " << spread << " | " << text_of(unlimited) << " | " << text_of(limited) << " | "
              << rounded(beyond) << " | " << judged("≤ " + fixed(most_beyond_ms, 0) + " ms", beyond <= most_beyond_ms)
              << " |" << std::endl;
}

void run(const std::string &root, int runs)
{
    World world(root);
    world.set_latency(0);
    world.clear();
    world.add_call(call);
    world.make_crew(call, {1, 20});
    world.vacuum();
    driver::Session admin;
    const std::string base_url = world.simulator.url();
    make_servers(admin, base_url);
    measure(admin, base_url, "90 days", "7.776 seconds", runs);
    measure(admin, base_url, "a day", "86.4 milliseconds", runs);
    admin.run("TRUNCATE flex_sync_log, flex_sync_log_operation, flex_sync_requests");
}

} // namespace

} // namespace bench

int main(int count, char **arguments)
{
    return bench::run_main(count, arguments, "limit_bench SIMULATOR_URL RUNS", 2,
                           [](const auto &operands) { bench::run(operands[0], std::stoi(operands[1])); });
}
