// Times a sync that has nothing to do, with and without request limits, where the log holds a million runs of the
// account: spread over ninety days, and all of them in the last one. Writes a Markdown table.

#include "driver/session.hpp"
#include "statistics.hpp"
#include "world.hpp"

#include <curl/curl.h>
#include <iostream>
#include <stdexcept>

namespace bench {

namespace {

constexpr double most_beyond_ms = 1;
constexpr int syncs_a_run = 10;
constexpr CrewCall call{1};

class Session {
public:
    explicit Session(const char *server)
    {
        database_.run(std::string("SET flex_sync.server = '") + server + "'");
        database_.prepare("sync", "SELECT * FROM flex_sync_crew($1)");
        sync(); // what the runs have spent is summed up once
    }

    void sync()
    {
        const driver::Reply result = database_.run_prepared("sync", {call.id()});
        if (result.at("status") != "ok" || result.at("http_requests") != "1")
            throw std::runtime_error("flex_sync_crew: " + result.at("status") + ": " + result.at("message"));
    }

private:
    driver::Session database_;
};

void make_servers(driver::Session &admin, const std::string &base_url)
{
    for (const char *sql :
         {"CREATE SERVER unlimited FOREIGN DATA WRAPPER flex_sync OPTIONS (url '{url}')",
          "CREATE SERVER limited FOREIGN DATA WRAPPER flex_sync OPTIONS (url '{url}', hourly_limit '100000000', "
          "daily_limit '100000000')",
          "CREATE USER MAPPING FOR CURRENT_USER SERVER unlimited OPTIONS (token 'test-token')",
          "CREATE USER MAPPING FOR CURRENT_USER SERVER limited OPTIONS (token 'test-token')"}) {
        std::string text = sql;
        if (const std::size_t at = text.find("{url}"); at != std::string::npos)
            text.replace(at, 5, base_url);
        admin.run(text);
    }
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
    Session without("unlimited"), with("limited");
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
    const std::string base_url = root + "/f5/api";
    make_servers(admin, base_url);
    measure(admin, base_url, "90 days", "7.776 seconds", runs);
    measure(admin, base_url, "a day", "86.4 milliseconds", runs);
    admin.run("TRUNCATE flex_sync_log, flex_sync_log_operation, flex_sync_requests");
}

} // namespace

} // namespace bench

int main(int count, char **arguments)
try {
    if (count != 3) {
        std::cerr << "Usage: limit_bench SIMULATOR_URL RUNS\n";
        return 2;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    bench::run(arguments[1], std::stoi(arguments[2]));
    return 0;
} catch (const std::exception &error) {
    std::cerr << "limit_bench: " << error.what() << '\n';
    return 1;
}
