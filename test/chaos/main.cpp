// Plays random scripts against a server and simulators, and checks what must always hold.

#include "player.hpp"

#include <atomic>
#include <csignal>
#include <cstring>
#include <functional>
#include <iostream>
#include <mutex>
#include <random>
#include <thread>

namespace chaos {

namespace {

constexpr const char *usage = R"(Usage: chaos --conninfo C --flexsim PROGRAM [OPTION]...

  --crash-conninfo C  another server, which scripts that kill a backend play on; without it none does
  --scripts N         how many scripts (default 100)
  --seed N            the seed (default: a random one, which is printed)
  --only N            that script alone, with the seed
  --without N,N,…     leave out these steps, with --only
  --lanes N           scripts at once (default 24)
)";

/// Scripts that kill a backend are few: each costs a recovery.
constexpr int crash_every = 25;

struct Settings {
    std::string conninfo, crash_conninfo, flexsim;
    int scripts = 100;
    std::uint64_t seed = std::random_device{}();
    int only = -1;
    std::set<int> left_out;
    int lanes = 24;
};

std::set<int> numbers_in(const std::string &text)
{
    std::set<int> numbers;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find(',', at), text.size());
        numbers.insert(std::stoi(text.substr(at, end - at)));
        at = end + 1;
    }
    return numbers;
}

Settings read_settings(int argc, char **argv)
{
    Settings settings;
    const std::map<std::string, std::function<void(const std::string &)>> options{
        {"--conninfo", [&](const std::string &value) { settings.conninfo = value; }},
        {"--crash-conninfo", [&](const std::string &value) { settings.crash_conninfo = value; }},
        {"--flexsim", [&](const std::string &value) { settings.flexsim = value; }},
        {"--scripts", [&](const std::string &value) { settings.scripts = std::stoi(value); }},
        {"--seed", [&](const std::string &value) { settings.seed = std::stoull(value); }},
        {"--only", [&](const std::string &value) { settings.only = std::stoi(value); }},
        {"--without", [&](const std::string &value) { settings.left_out = numbers_in(value); }},
        {"--lanes", [&](const std::string &value) { settings.lanes = std::stoi(value); }},
    };
    for (int i = 1; i < argc; i += 2) {
        const auto option = options.find(argv[i]);
        if (option == options.end() || i + 1 == argc)
            throw std::runtime_error(usage);
        option->second(argv[i + 1]);
    }
    if (settings.only >= 0)
        settings.scripts = settings.only + 1;
    if (settings.conninfo.empty() || settings.flexsim.empty())
        throw std::runtime_error(usage);
    return settings;
}

class Chaos {
public:
    explicit Chaos(Settings settings) : settings_(std::move(settings)) {}

    int run()
    {
        std::cout << "seed " << settings_.seed << ", " << settings_.scripts << " scripts" << std::endl;
        prepare_database(settings_.conninfo);
        if (has_crashes())
            prepare_database(settings_.crash_conninfo);
        std::vector<std::thread> threads;
        for (int lane = 0; lane < (settings_.only < 0 ? settings_.lanes : 1); ++lane)
            threads.emplace_back([this, lane] { run_lane(lane, false); });
        if (has_crashes())
            threads.emplace_back([this] { run_lane(0, true); });
        for (std::thread &thread : threads)
            thread.join();
        summarise();
        return failed_ == 0 && played_ > 0 ? 0 : 1;
    }

private:
    bool has_crashes() const { return !settings_.crash_conninfo.empty(); }
    bool is_crash(int number) const { return has_crashes() && number % crash_every == crash_every - 1; }

    void run_lane(int number, bool crashes)
    try {
        Lane lane(crashes ? settings_.crash_conninfo : settings_.conninfo, settings_.flexsim, number);
        std::atomic<int> &next = crashes ? next_crash_ : next_;
        for (int script = next++; script < settings_.scripts; script = next++)
            if (is_crash(script) == crashes && (settings_.only < 0 || settings_.only == script))
                play(lane, script);
    } catch (const std::exception &error) {
        const std::lock_guard lock(mutex_);
        ++failed_;
        std::cout << "a lane ended: " << error.what() << std::endl;
    }

    void play(Lane &lane, int number)
    {
        const Script script = write_script(settings_.seed, number, is_crash(number), settings_.left_out);
        Player player(lane, script);
        std::string violation;
        try {
            player.play();
        } catch (const Violation &found) {
            violation = found.what();
        } catch (const std::exception &error) {
            violation = std::string("the driver could not go on: ") + error.what();
        }
        const std::string report = violation.empty() && settings_.only < 0 ? "" : player.report();
        if (!violation.empty())
            lane.start_over();
        const std::lock_guard lock(mutex_);
        ++played_;
        failed_ += !violation.empty();
        count(player.record());
        if (!report.empty())
            std::cout << "\n==== " << report << "==== " << (violation.empty() ? "nothing was found" : violation)
                      << "\n";
        if (!violation.empty())
            std::cout << "==== play it again with --seed " << settings_.seed << " --only " << number << std::endl;
        else if (played_ % 100 == 0)
            std::cout << played_ << " scripts played, " << failed_ << " violations" << std::endl;
    }

    void count(const Record &record)
    {
        for (const Sync &sync : record.syncs) {
            ++syncs_;
            if (!sync.sqlstate.empty())
                ++ends_[sync.sqlstate];
            for (const Result &result : sync.results)
                ++ends_[result.status];
        }
    }

    void summarise() const
    {
        std::cout << syncs_ << " syncs:";
        for (const auto &[end, number] : ends_)
            std::cout << " " << number << " " << end;
        std::cout << "\n"
                  << played_ << " scripts played, " << failed_ << " violations, seed " << settings_.seed << std::endl;
    }

    Settings settings_;
    std::mutex mutex_;
    std::atomic<int> next_{0}, next_crash_{0};
    int played_ = 0, failed_ = 0;
    long syncs_ = 0;
    std::map<std::string, long> ends_;
};

} // namespace

} // namespace chaos

int main(int argc, char **argv)
try {
    std::signal(SIGPIPE, SIG_IGN);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    return chaos::Chaos(chaos::read_settings(argc, argv)).run();
} catch (const std::exception &error) {
    std::cerr << error.what() << "\n";
    return 2;
}
