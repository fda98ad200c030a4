#include "script.hpp"

#include "text.hpp"

#include <array>
#include <utility>

namespace chaos {

namespace {

struct Weight {
    Deed deed;
    int weight;
};

constexpr std::array weights{
    Weight{Deed::Desire, 8},     Weight{Deed::Withdraw, 7},    Weight{Deed::NewResource, 3}, Weight{Deed::NewRole, 3},
    Weight{Deed::FlexDelete, 6}, Weight{Deed::FlexAdd, 5},     Weight{Deed::FlexRole, 2},    Weight{Deed::FlexSwap, 2},
    Weight{Deed::FlexOther, 1},  Weight{Deed::FlexReveal, 2},  Weight{Deed::RowEdit, 3},     Weight{Deed::Fault, 18},
    Weight{Deed::RowLock, 4},    Weight{Deed::Refer, 4},       Weight{Deed::Vanish, 3},      Weight{Deed::Lie, 3},
    Weight{Deed::Lag, 2},        Weight{Deed::Release, 4},     Weight{Deed::Pause, 1},       Weight{Deed::Sync, 18},
    Weight{Deed::Together, 10},  Weight{Deed::Transaction, 7}, Weight{Deed::Quiet, 2}};

Deed draw(Random &random)
{
    int sum = 0;
    for (const Weight &weight : weights)
        sum += weight.weight;
    int place = random.below(sum);
    for (const Weight &weight : weights)
        if ((place -= weight.weight) < 0)
            return weight.deed;
    return Deed::Pause;
}

Options draw_options(Random &random)
{
    return {.prune = random.pick({"all", "all", "owned", "none"}),
            .deadline_ms = random.pick(std::vector<int>{600, 1500, 3000, 6000}),
            .request_timeout_ms = random.pick(std::vector<int>{150, 300, 600}),
            .retries = random.below(4),
            .max_parallel = random.pick(std::vector<int>{1, 2, 6}),
            .max_removals = random.pick(std::vector<int>{1, 5, 5, 100}),
            .bulk_delete = random.pick({"off", "off", "off", "lineItemIds"})};
}

void make_calls(Script &script, Random &random)
{
    const int elements = random.chance(25) ? 2 : 1;
    for (int i = 0; i < elements; ++i) {
        const std::string element = random.uuid();
        script.elements.push_back(element);
        const int calls = random.chance(35) ? 2 : 1;
        for (int j = 0; j < calls; ++j)
            script.calls.push_back({.id = random.uuid(),
                                    .element = random.chance(20) ? upper(element) : element,
                                    .department = "department " + std::to_string(script.calls.size())});
    }
}

/// What an id of Flex may be, being opaque text: reserved in a path, beyond ASCII, long.
std::string odd_id(int number)
{
    constexpr std::array beginnings{"a/b", "50%2f", "x y", "q?a=b&c", "caf\u00e9 \u4e2d", "#1;", "+.", ""};
    const std::string beginning = beginnings[static_cast<std::size_t>(number) % beginnings.size()];
    return (beginning.empty() ? std::string(180, 'l') : beginning) + "-" + std::to_string(number);
}

std::string draw_settings(Random &random)
{
    return random.pick(
        {"", "", "SET DateStyle = 'SQL, DMY'; SET TimeZone = 'Asia/Jakarta'",
         "SET DateStyle = 'German'; SET TimeZone = 'Asia/Kolkata'",
         "SET DateStyle = 'Postgres, MDY'; SET TimeZone = 'Asia/Manila'; SET IntervalStyle = 'sql_standard'",
         "SET TimeZone = 'Asia/Shanghai'; SET extra_float_digits = -15; SET bytea_output = 'escape'",
         "SET standard_conforming_strings = off; SET transform_null_equals = on; SET quote_all_identifiers = on"});
}

void make_people(Script &script, Random &random)
{
    const std::string kind = random.pick({"uuids", "uuids", "names", "names", "odd ones"});
    const bool is_shared = random.chance(40);
    for (int i = 0; i < 8; ++i) {
        script.technicians.push_back(random.uuid());
        script.resources.push_back(kind == "uuids"   ? random.uuid()
                                   : kind == "names" ? "resource-" + std::to_string(i)
                                                     : odd_id(i));
    }
    if (is_shared)
        script.resources[1] = script.resources[0];
}

} // namespace

std::string_view name_of(Deed deed)
{
    constexpr std::array names{"desire",    "withdraw",  "new_resource", "new_role",    "flex_delete", "flex_add",
                               "flex_role", "flex_swap", "flex_other",   "flex_reveal", "row_edit",    "row_lock",
                               "refer",     "fault",     "lie",          "vanish",      "lag",         "release",
                               "pause",     "sync",      "together",     "transaction", "crash",       "quiet"};
    return names[static_cast<std::size_t>(deed)];
}

std::string Script::title() const
{
    return "script " + std::to_string(number) + " of seed " + std::to_string(seed);
}

Script write_script(std::uint64_t seed, int number, bool may_crash, const std::set<int> &left_out)
{
    Random random(Random(seed ^ (static_cast<std::uint64_t>(number) << 32)).next());
    Script script;
    script.seed = seed;
    script.number = number;
    script.options = draw_options(random);
    const std::string role_shape = random.pick({"string", "id", "data", "hidden"});
    script.shows_roles = role_shape != "hidden";
    script.shape = R"({"row": ")" + random.pick({"flat", "nested", "resource_id_in_resource"}) + R"(", "role": ")" +
                   role_shape + R"(", "ids": ")" + random.pick({"as_is", "lower", "upper"}) + R"(", "types": ")" +
                   random.pick({"as_is", "upper"}) + R"(", "add": ")" +
                   random.pick({"addedResourceLineIds", "id", "lineItemId", "data.id"}) + R"("})";
    script.bulk_delete = random.pick({"refuse", "act", "ignore"});
    script.latency_ms = random.pick(std::vector<int>{0, 3, 15, 60});
    script.job = random.uuid();
    make_calls(script, random);
    make_people(script, random);
    script.settings = draw_settings(random);
    script.has_two_servers = random.chance(25);

    const int steps = random.between(8, 22);
    script.steps.push_back({Deed::Desire, random.next()});
    for (int i = 0; i < steps; ++i)
        script.steps.push_back({draw(random), random.next()});
    if (may_crash)
        for (int i = 0; i < 2; ++i)
            script.steps[static_cast<std::size_t>(random.between(1, steps))].deed = Deed::Crash;
    script.steps.push_back({Deed::Quiet, random.next()});
    for (auto place = left_out.rbegin(); place != left_out.rend(); ++place)
        if (*place >= 1 && *place <= static_cast<int>(script.steps.size()))
            script.steps.erase(script.steps.begin() + *place - 1);
    return script;
}

} // namespace chaos
