#include "options.hpp"

#include <charconv>
#include <map>
#include <vector>

namespace flexsim {

namespace {

int to_number(const std::string &text, int most)
{
    int number = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number < 0 || number > most)
        throw UsageError("\"" + text + "\" is no number from 0 to " + std::to_string(most));
    return number;
}

using Values = std::vector<std::string>;

struct Option {
    std::size_t value_count;
    void (*set)(Options &options, const Values &values);
};

// More connections than select() can serve would only be refused by the HTTP library.
constexpr int most_threads = 1000;

const std::map<std::string, Option> known_options = {
    {"--port", {1, [](Options &o, const Values &v) { o.port = to_number(v[0], 65535); }}},
    {"--base", {1, [](Options &o, const Values &v) { o.base = v[0]; }}},
    {"--token", {1, [](Options &o, const Values &v) { o.token = v[0]; }}},
    {"--port-file", {1, [](Options &o, const Values &v) { o.port_file = v[0]; }}},
    {"--tls", {2, [](Options &o, const Values &v) { o.certificate = v[0], o.key = v[1]; }}},
    {"--threads",
     {1, [](Options &o, const Values &v) { o.threads = static_cast<std::size_t>(to_number(v[0], most_threads)); }}},
    {"--latency", {1, [](Options &o, const Values &v) { o.latency_ms = to_number(v[0], 600'000); }}},
    {"--end-with-parent", {0, [](Options &o, const Values &) { o.ends_with_parent = true; }}},
    {"--help", {0, [](Options &o, const Values &) { o.wants_help = true; }}},
};

void check(const Options &options)
{
    if (options.threads < 2)
        throw UsageError("--threads wants at least 2");
    if (!options.base.starts_with('/') || options.base.ends_with('/') || options.base.starts_with("/control"))
        throw UsageError("--base wants a path such as /f5/api");
}

} // namespace

Options read_options(int argc, const char *const *argv)
{
    Options options;
    const Values arguments(argv + 1, argv + argc);
    for (std::size_t at = 0; at < arguments.size(); ++at) {
        const auto option = known_options.find(arguments[at]);
        if (option == known_options.end())
            throw UsageError("unknown option \"" + arguments[at] + "\"");
        const std::size_t count = option->second.value_count;
        if (at + count >= arguments.size())
            throw UsageError("a value of " + arguments[at] + " is missing");
        const auto first = arguments.begin() + static_cast<std::ptrdiff_t>(at) + 1;
        option->second.set(options, Values(first, first + static_cast<std::ptrdiff_t>(count)));
        at += count;
    }
    check(options);
    return options;
}

} // namespace flexsim
