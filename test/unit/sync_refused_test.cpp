// Requests that Flex refuses, and those that the deadline leaves no time for.

#include "world.hpp"

#include <gtest/gtest.h>

using unit::Fate;
using unit::notes;
using unit::summary;
using unit::Words;
using unit::World;
using namespace std::chrono_literals;

namespace {

TEST(Sync, a_refused_add_is_one_diagnostic_and_the_rest_is_done)
{
    for (const Fate fate : {Fate::Refused, Fate::RefusedForNow, Fate::NothingDone}) {
        World world;
        world.store.desires("ann", "r1", "foh");
        world.store.desires("bob", "r2");
        world.store.desires("eve", "r1");
        world.flex.fates["add r1"] = {fate};
        const core::SyncResult result = world.sync();
        EXPECT_EQ(summary(result), "partial: desired 3, added 1, failed 1, passes 1, requests 4");
        ASSERT_EQ(result.diagnostics.size(), 1u);
        EXPECT_EQ(result.diagnostics.front().technician, "ann");
        EXPECT_EQ(result.diagnostics.front().resource, "r1");
        EXPECT_EQ(world.store.rows(), Words{"bob n1"});
        EXPECT_EQ(world.store.memory(), Words{"n1 r2 shown"});
        EXPECT_EQ(summary(world.sync()), "ok: desired 3, kept 1, adopted 1, added 1, roles 1, passes 1, requests 4");
    }
}

TEST(Sync, a_refused_deletion_leaves_row_and_contact)
{
    World world;
    world.has_on_call("ann", "l1", "r1");
    world.store.withdraws("ann");
    world.flex.shows("l2", "r2");
    world.flex.fates["delete l1"] = {Fate::Refused};
    world.flex.fates["delete l2"] = {Fate::Refused};
    const core::SyncResult result = world.sync();
    EXPECT_EQ(summary(result), "partial: failed 2, passes 1, requests 4");
    EXPECT_EQ(notes(result), (Words{"remove http_status ann", "prune http_status r2"}));
    EXPECT_EQ(result.diagnostics.front().http_status, 403);
    EXPECT_EQ(world.store.rows(), Words{"ann l1"});
}

TEST(Sync, a_refused_role_is_one_diagnostic)
{
    World world;
    world.has_on_call("ann", "l1", "r1");
    world.store.desired.front().role = core::BusinessRoleId("foh");
    world.store.desires("bob", "r2", "foh");
    world.flex.fates["role l1"] = {Fate::Refused};
    world.flex.fates["role n1"] = {Fate::Refused};
    const core::SyncResult result = world.sync();
    EXPECT_EQ(summary(result), "partial: desired 2, kept 1, added 1, failed 2, passes 1, requests 5");
    EXPECT_EQ(notes(result), (Words{"set_role http_status ann", "set_role http_status bob"}));
}

TEST(Sync, a_contact_whose_role_was_refused_is_still_removed_when_withdrawn)
{
    World world;
    world.has_on_call("ann", "l1", "r1");
    world.store.desired.front().role = core::BusinessRoleId("foh");
    world.flex.fates["role l1"] = {Fate::Refused};
    world.flex.after_changes = [&] { world.store.withdraws("ann"); };
    EXPECT_EQ(summary(world.sync()), "ok: removed 1, passes 2, requests 5");
}

TEST(Sync, a_contact_removed_for_one_whose_add_is_refused_counts_once)
{
    World world;
    world.has_on_call("ann", "l1", "r1");
    world.store.desired.front().resource = core::ResourceId("r2");
    world.flex.fates["add r2"] = {Fate::Refused};
    EXPECT_EQ(summary(world.sync()), "partial: desired 1, removed 1, failed 1, passes 2, requests 4");
    EXPECT_EQ(world.store.rows(), Words{});
}

// ---- the deadline

TEST(Sync, what_the_deadline_leaves_no_time_for_is_not_sent)
{
    World world;
    for (int i = 0; i < 20; ++i)
        world.store.desires("t" + std::to_string(i), "r" + std::to_string(i));
    world.time_limit = 1s;
    const core::SyncResult result = world.sync();
    EXPECT_EQ(summary(result), "partial: desired 20, added 12, failed 8, passes 1, requests 14");
    EXPECT_EQ(world.store.rows().size(), 12u);
    EXPECT_EQ(result.diagnostics.front().code, "deadline");
    EXPECT_LE(world.clock.now().time_since_epoch(), 100h + 1s);
}

TEST(Sync, where_nothing_could_be_sent_nothing_is_listed_again)
{
    World world;
    world.store.desires("ann", "r1");
    world.time_limit = 400ms;
    EXPECT_EQ(summary(world.sync()), "partial: desired 1, failed 1, passes 1, requests 1");
}

} // namespace
