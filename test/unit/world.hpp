#pragma once
// One element in Flex, its crew in the database, and syncs of the two.

#include "core/sync.hpp"
#include "fake_clock.hpp"
#include "fake_flex.hpp"
#include "fake_store.hpp"

#include <string>

namespace unit {

struct World {
    World() = default;
    World(const World &) = delete; // its parts refer to each other
    World &operator=(const World &) = delete;

    FakeClock clock;
    FakeFlex flex{clock};
    FakeStore store{clock};
    core::Prune prune = core::Prune::All;
    int max_removals = 5;
    bool deletes_in_bulk = false;
    core::Milliseconds time_limit = std::chrono::seconds(30);

    core::SyncResult sync()
    {
        ++flex.sync;
        flex.sent.clear();
        store.reads = 0;
        store.is_guarded = false;
        const core::Policy policy{.prune = prune,
                                  .max_removals = max_removals,
                                  .deadline = clock.now() + time_limit,
                                  .deletes_in_bulk = deletes_in_bulk};
        return core::synchronise(core::ElementId("element"), policy, store, flex, clock);
    }

    /// A technician whose contact is there, known and mapped.
    void has_on_call(const std::string &technician, const std::string &line, const std::string &resource,
                     const std::string &role = "")
    {
        store.desires(technician, resource, role);
        store.has_row(technician, line);
        flex.shows(line, resource, role);
        store.note({.line = core::LineItemId(line),
                    .asked = core::ResourceId(resource),
                    .shown = core::ResourceId(resource),
                    .was_shown = true},
                   clock.now() - std::chrono::hours(5));
    }
};

/// Six technicians on the call, each with contact and row.
struct WorldOfSix : World {
    WorldOfSix()
    {
        for (int i = 1; i <= 6; ++i)
            has_on_call("t" + std::to_string(i), "l" + std::to_string(i), "r" + std::to_string(i));
    }
};

/// "ok: desired 2, kept 1, added 1, passes 1, requests 3": the status and every count that is not 0.
inline std::string summary(const core::SyncResult &result)
{
    std::string text(core::name_of(result.status));
    text += ":";
    const auto count = [&text](const char *name, int value) {
        if (value != 0)
            text.append(text.back() == ':' ? " " : ", ").append(name).append(" ").append(std::to_string(value));
    };
    count("desired", result.counts.desired);
    count("kept", result.counts.kept);
    count("adopted", result.counts.adopted);
    count("added", result.counts.added);
    count("removed", result.counts.removed);
    count("stale", result.counts.stale);
    count("pruned", result.counts.pruned);
    count("retained", result.counts.retained);
    count("roles", result.counts.roles_set);
    count("skipped", result.counts.skipped);
    count("failed", result.counts.failed);
    count("passes", result.passes);
    count("requests", result.http_requests);
    return text;
}

/// "add http_status ann": action, code and technician, resource or line of each diagnostic.
inline Words notes(const core::SyncResult &result)
{
    Words words;
    for (const core::Diagnostic &diagnostic : result.diagnostics)
        words.push_back(diagnostic.action + " " + diagnostic.code + " " +
                        diagnostic.technician.value_or(diagnostic.resource.value_or(diagnostic.line.value_or("-"))));
    return words;
}

} // namespace unit
