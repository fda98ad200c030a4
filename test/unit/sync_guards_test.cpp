// The guards: what a mistaken crew or listing must not do.

#include "world.hpp"

#include <gtest/gtest.h>

using unit::Fate;
using unit::notes;
using unit::summary;
using unit::Words;
using unit::World;
using unit::WorldOfSix;

namespace {

void expect_untouched(const World &world)
{
    EXPECT_EQ(world.store.rows().size(), 6u);
    EXPECT_EQ(world.store.rows_written + world.store.rows_deleted + world.store.memory_writes, 0);
    EXPECT_EQ(world.flex.contacts().size(), 6u);
}

TEST(Sync, a_crew_that_is_empty_by_mistake_does_not_empty_the_call)
{
    WorldOfSix world;
    world.store.desired.clear();
    const core::SyncResult result = world.sync();
    EXPECT_EQ(summary(result), "blocked: requests 1");
    EXPECT_EQ(result.message,
              "Nothing was changed. The sync would delete 6 of 6 contacts in Flex, more than max_removals "
              "(5) allows. If that is right, call flex_sync_crew with max_removals => 6.");
    expect_untouched(world);
    world.max_removals = 6;
    EXPECT_EQ(summary(world.sync()), "ok: removed 6, passes 1, requests 8");
}

TEST(Sync, contacts_without_a_type_count_where_rows_name_them)
{
    World world;
    for (const std::string number : {"1", "2", "3", "4", "5", "6"}) {
        world.store.has_row("t" + number, "l" + number);
        world.flex.shows("l" + number, "r" + number, "", core::LineKind::Untyped);
    }
    world.flex.shows("l7", "r7", "", core::LineKind::Untyped);
    const core::SyncResult result = world.sync();
    EXPECT_EQ(core::name_of(result.status), "blocked");
    EXPECT_EQ(result.message.substr(0, 67), "Nothing was changed. The sync would delete 6 of 6 contacts in Flex,");
}

TEST(Sync, a_deletion_of_a_few_contacts_without_a_type_passes)
{
    World world;
    world.max_removals = 0;
    for (const std::string number : {"1", "2", "3"}) {
        world.store.desires("t" + number, "r" + number);
        world.store.has_row("t" + number, "l" + number);
        world.flex.shows("l" + number, "r" + number, "", core::LineKind::Untyped);
    }
    world.store.withdraws("t1");
    EXPECT_EQ(summary(world.sync()), "ok: desired 2, kept 2, removed 1, passes 1, requests 3");
}

TEST(Sync, a_blocked_sync_does_not_even_delete_stale_rows)
{
    WorldOfSix world;
    world.store.desired.clear();
    world.store.has_row("gone", "l9");
    EXPECT_EQ(core::name_of(world.sync().status), "blocked");
    EXPECT_EQ(world.store.rows().size(), 7u);
}

TEST(Sync, deletions_of_every_kind_count_together)
{
    World world;
    world.max_removals = 1;
    world.has_on_call("kept", "l1", "r1");
    world.has_on_call("out", "l2", "r2");
    world.store.withdraws("out");
    world.flex.shows("l3", "r1");
    EXPECT_EQ(core::name_of(world.sync().status), "blocked");
    world.max_removals = 2;
    EXPECT_EQ(core::name_of(world.sync().status), "ok");
}

TEST(Sync, a_deletion_of_many_that_are_not_half_of_the_call_passes)
{
    WorldOfSix world;
    world.max_removals = 0;
    for (const char *technician : {"t1", "t2", "t3"})
        world.store.withdraws(technician);
    EXPECT_EQ(summary(world.sync()), "ok: desired 3, kept 3, removed 3, passes 1, requests 5");
}

TEST(Sync, a_call_that_seems_empty_does_not_call_everybody_again)
{
    WorldOfSix world;
    for (int i = 1; i <= 6; ++i)
        world.flex.loses("l" + std::to_string(i));
    const core::SyncResult result = world.sync();
    EXPECT_EQ(summary(result), "blocked: desired 6, requests 2");
    EXPECT_EQ(world.store.rows().size(), 6u);
    world.max_removals = 6;
    EXPECT_EQ(summary(world.sync()), "ok: desired 6, added 6, stale 6, passes 1, requests 9");
}

TEST(Sync, half_of_the_rows_may_be_called_again)
{
    WorldOfSix world;
    world.max_removals = 0;
    for (const char *line : {"l1", "l2", "l3"})
        world.flex.loses(line);
    EXPECT_EQ(summary(world.sync()), "ok: desired 6, kept 3, added 3, stale 3, passes 1, requests 6");
}

TEST(Sync, contacts_that_are_adopted_are_no_deletions)
{
    World world;
    world.max_removals = 0;
    for (const std::string number : {"1", "2", "3"}) {
        world.store.desires("t" + number, "r" + number);
        world.flex.shows("l" + number, "r" + number);
    }
    EXPECT_EQ(summary(world.sync()), "ok: desired 3, adopted 3, passes 1, requests 1");
}

TEST(Sync, rows_of_withdrawn_technicians_are_no_recalls)
{
    WorldOfSix world;
    world.store.desired.clear();
    for (int i = 1; i <= 6; ++i)
        world.flex.loses("l" + std::to_string(i));
    EXPECT_EQ(summary(world.sync()), "ok: stale 6, passes 1, requests 2");
}

TEST(Sync, a_crew_that_empties_between_two_passes_is_not_removed)
{
    WorldOfSix world;
    world.store.desires("new", "r9");
    world.flex.after_changes = [&] { world.store.desired.clear(); };
    const core::SyncResult result = world.sync();
    EXPECT_EQ(summary(result), "partial: failed 1, passes 1, requests 3");
    EXPECT_EQ(notes(result), Words{"remove max_removals -"});
    EXPECT_EQ(world.flex.contacts().size(), 7u);
}

TEST(Sync, a_crew_that_empties_while_stale_rows_are_deleted_is_not_removed)
{
    WorldOfSix world;
    world.has_on_call("gone", "l7", "r7");
    world.flex.loses("l7");
    world.store.before_read[2] = [&] { world.store.desired.clear(); };
    const core::SyncResult result = world.sync();
    EXPECT_EQ(summary(result), "partial: stale 1, failed 1, passes 1, requests 2");
    EXPECT_EQ(notes(result), Words{"remove max_removals -"});
    EXPECT_EQ(world.flex.contacts().size(), 6u);
}

TEST(Sync, deletions_count_over_all_passes)
{
    WorldOfSix world;
    world.max_removals = 3;
    for (const char *technician : {"t1", "t2", "t3"})
        world.store.withdraws(technician);
    world.flex.fates["delete l1"] = {Fate::LostAfter};
    world.flex.after_changes = [&] { world.store.withdraws("t4"); };
    const core::SyncResult result = world.sync();
    EXPECT_EQ(notes(result), Words{"remove max_removals -"});
    EXPECT_EQ(world.flex.contacts(), (Words{"l4 r4", "l5 r5", "l6 r6"}));
}

} // namespace
