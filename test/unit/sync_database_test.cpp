// A database that refuses to go on once Flex was changed: what was done there is not forgotten.

#include "world.hpp"

#include <gtest/gtest.h>

using unit::notes;
using unit::summary;
using unit::Words;
using unit::World;
using namespace std::chrono_literals;

namespace {

TEST(Sync, a_crew_that_cannot_be_read_after_adds_makes_the_sync_partial_and_keeps_its_operations)
{
    World world;
    world.has_on_call("bob", "l2", "r2");
    world.store.desires("ann", "r1");
    world.store.broken = "read";
    const core::SyncResult result = world.sync();
    EXPECT_EQ(summary(result), "partial: desired 2, kept 1, failed 1, passes 1, requests 2");
    EXPECT_EQ(notes(result), Words{"sync 22012 -"});
    ASSERT_EQ(result.operations.size(), 1u);
    EXPECT_EQ(world.store.rows(), (Words{"ann n1", "bob l2"}));
    EXPECT_EQ(world.store.memory(), (Words{"l2 r2 shown", "n1 r1"}));
    world.store.broken.clear();
    EXPECT_EQ(summary(world.sync()), "ok: desired 2, kept 2, passes 1, requests 1");
    EXPECT_EQ(world.flex.unjustified_adds, Words{});
}

TEST(Sync, what_cannot_be_remembered_makes_the_sync_partial)
{
    World world;
    world.store.desires("ann", "r1");
    world.store.broken = "remember";
    const core::SyncResult result = world.sync();
    EXPECT_EQ(summary(result), "partial: desired 1, added 1, failed 1, passes 1, requests 3");
    EXPECT_EQ(notes(result), Words{"remember 22012 -"});
}

TEST(Sync, the_database_is_not_guarded_before_anything_is_sent)
{
    World world;
    world.has_on_call("ann", "l1", "r1");
    world.sync();
    EXPECT_FALSE(world.store.is_guarded);
}

// ---- answers that name another's line

TEST(Sync, an_add_that_is_answered_with_a_line_that_was_there_is_unknown_and_waits_ever_longer)
{
    for (const char *line : {"l2", "note"}) {
        World world;
        world.has_on_call("bob", "l2", "r2");
        world.flex.shows("note", "", "", core::LineKind::Other);
        world.store.desires("ann", "r1", "foh");
        world.flex.chance = [](const std::string &) { return unit::Fate::NeverShown; };
        world.flex.answers_with["r1"] = line;
        int adds = 0;
        for (int minute = 0; minute < 16; ++minute) {
            const core::SyncResult result = world.sync();
            EXPECT_EQ(result.status, core::Status::Partial);
            EXPECT_EQ(world.store.rows(), Words{"bob l2"});
            for (const std::string &request : world.flex.sent) {
                adds += request == "add r1";
                EXPECT_FALSE(request.starts_with("role")) << request;
            }
            world.clock.pass(1min);
        }
        EXPECT_EQ(adds, 5) << line; // at once, and after 1, 2, 4 and 8 minutes
    }
}

TEST(Sync, an_add_that_is_answered_with_another_line_counts_once_a_listing_shows_it)
{
    World world;
    world.has_on_call("bob", "l2", "r2");
    world.store.desires("ann", "r1");
    world.flex.answers_with["r1"] = "l2";
    EXPECT_EQ(summary(world.sync()), "ok: desired 2, kept 1, added 1, passes 2, requests 3");
    EXPECT_EQ(world.store.rows(), (Words{"ann n1", "bob l2"}));
}

TEST(Sync, two_adds_that_are_answered_with_one_line_are_told_apart)
{
    World world;
    world.store.desires("ann", "r1");
    world.store.desires("bob", "r2");
    world.flex.answers_with["r2"] = "n1";
    world.sync();
    EXPECT_EQ(world.store.rows(), (Words{"ann n1", "bob n2"}));
}

// ---- our own add, and another contact of its resource

TEST(Sync, an_add_that_shows_late_beside_another_contact_of_its_resource_is_taken_out)
{
    for (const core::Prune prune : {core::Prune::All, core::Prune::Owned}) {
        World world;
        world.prune = prune;
        world.store.desires("ann", "r1");
        world.flex.add_lag = 1h;
        world.flex.after_changes = [&] { world.flex.shows("l9", "r1"); };
        const core::SyncResult result = world.sync();
        EXPECT_EQ(result.status, core::Status::Ok) << summary(result);
        EXPECT_EQ(result.counts.added, 1);
        EXPECT_EQ(world.flex.contacts(), Words{"l9 r1"});
        EXPECT_EQ(world.store.rows(), Words{"ann l9"});
    }
}

TEST(Sync, an_add_that_shows_late_and_may_not_be_taken_out_makes_the_sync_partial)
{
    World world;
    world.prune = core::Prune::None;
    world.store.desires("ann", "r1");
    world.flex.add_lag = 1h;
    world.flex.after_changes = [&] { world.flex.shows("l9", "r1"); };
    const core::SyncResult result = world.sync();
    EXPECT_EQ(result.status, core::Status::Partial) << summary(result);
    EXPECT_EQ(result.counts.added, 1);
    EXPECT_EQ(notes(result), Words{"retain not_shown r1"});
    EXPECT_EQ(world.flex.contacts(), (Words{"n1 r1", "l9 r1"}));
}

// ---- what the plan says

TEST(Sync, a_sync_keeps_the_contact_that_its_plan_keeps)
{
    World world;
    world.store.desires("ann", "r1");
    world.store.has_row("out", "l2");
    world.flex.shows("l1", "r1");
    world.flex.shows("l2", "r1");
    EXPECT_EQ(summary(world.sync()), "ok: desired 1, adopted 1, stale 1, pruned 1, passes 1, requests 3");
    EXPECT_EQ(world.flex.contacts(), Words{"l2 r1"});
    EXPECT_EQ(world.store.rows(), Words{"ann l2"});
}

// ---- a clock that was put back

TEST(Sync, an_add_that_was_lost_in_the_future_settles)
{
    World world;
    world.store.desires("ann", "r1");
    world.store.note({.asked = core::ResourceId("r1")}, world.clock.now() + 1h);
    EXPECT_EQ(summary(world.sync()), "ok: desired 1, added 1, passes 2, requests 4");
}

} // namespace
