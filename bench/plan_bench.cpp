// Times core::plan() over the size of a crew: time per member must stay flat.

#include "core/plan.hpp"

#include <benchmark/benchmark.h>
#include <cstdio>
#include <iterator>

namespace {

using namespace core;

std::string make_id(int kind, std::int64_t number)
{
    char text[48];
    std::snprintf(text, sizeof text, "%x0000000-0000-4000-8000-%012llx", static_cast<unsigned>(kind),
                  static_cast<unsigned long long>(number));
    return text;
}

struct World {
    Crew crew;
    std::vector<Line> lines;
    std::vector<KnownLine> known;
};

World make_world(std::int64_t members, bool is_desired, bool is_present)
{
    World world;
    const CrewCallId call(make_id(0xc, 1));
    const BusinessRoleId role(make_id(0x9, 1));
    for (std::int64_t n = 1; n <= members; ++n) {
        const TechnicianId technician(make_id(0xa, n));
        const ResourceId resource(make_id(0xb, n));
        const LineItemId line(make_id(0xd, n));
        if (is_desired)
            world.crew.desired.push_back({call, technician, resource, role});
        if (!is_present)
            continue;
        world.crew.rows.push_back({call, technician, line});
        world.lines.push_back({.id = line, .resource = resource, .role = role, .name = "name"});
        world.known.push_back(
            {.line = line, .asked = resource, .shown = resource, .was_shown = true, .role_sent = role});
    }
    return world;
}

void run(benchmark::State &state, bool is_desired, bool is_present, Action first, std::int64_t steps_a_member)
{
    const World world = make_world(state.range(0), is_desired, is_present);
    for (auto _ : state) {
        const Plan plan = core::plan(world.crew, world.lines, world.known, Prune::All);
        if (std::ssize(plan.steps) != state.range(0) * steps_a_member || plan.steps.front().action != first)
            state.SkipWithError("the plan is not the expected one");
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}

void sizes(benchmark::internal::Benchmark *benchmark)
{
    benchmark->Arg(10)->Arg(1000)->Arg(100'000);
}

} // namespace

BENCHMARK_CAPTURE(run, in sync, true, true, Action::Keep, 1)->Apply(sizes);
// An add and its role.
BENCHMARK_CAPTURE(run, all to add, true, false, Action::Add, 2)->Apply(sizes);
BENCHMARK_CAPTURE(run, all to remove, false, true, Action::Remove, 1)->Apply(sizes);

BENCHMARK_MAIN();
