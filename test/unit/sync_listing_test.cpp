// Listings that fail, lie or lag, and the guards.

#include "world.hpp"

#include <gtest/gtest.h>

using unit::Fate;
using unit::notes;
using unit::Page;
using unit::summary;
using unit::Words;
using unit::World;
using namespace std::chrono_literals;

namespace {

/// Six technicians on the call, each with contact and row.
struct WorldOfSix : World {
    WorldOfSix()
    {
        for (int i = 1; i <= 6; ++i)
            has_on_call("t" + std::to_string(i), "l" + std::to_string(i), "r" + std::to_string(i));
    }
};

void expect_untouched(const World &world)
{
    EXPECT_EQ(world.store.rows().size(), 6u);
    EXPECT_EQ(world.store.rows_written + world.store.rows_deleted + world.store.memory_writes, 0);
    EXPECT_EQ(world.flex.contacts().size(), 6u);
}

// ---- a listing that fails

TEST(Sync, a_listing_that_fails_changes_nothing)
{
    for (const Page page : {Page::Cut, Page::Slow, Page::Refused, Page::Labels}) {
        WorldOfSix world;
        world.store.desires("new", "r9");
        world.flex.pages = {page};
        const core::SyncResult result = world.sync();
        EXPECT_EQ(summary(result), "failed: desired 7, failed 1, requests 1");
        EXPECT_EQ(result.timed_out, page == Page::Slow);
        ASSERT_EQ(result.diagnostics.size(), 1u);
        EXPECT_EQ(result.diagnostics.front().action, "list");
        expect_untouched(world);
    }
}

TEST(Sync, a_listing_that_flex_puts_off_defers_the_sync)
{
    WorldOfSix world;
    world.flex.pages = {Page::TooMany};
    const core::SyncResult result = world.sync();
    EXPECT_EQ(summary(result), "deferred: desired 6, failed 1, requests 1");
    EXPECT_EQ(result.retry_after, core::Milliseconds(2min));
    expect_untouched(world);
}

TEST(Sync, a_sync_that_comes_too_late_to_list_fails)
{
    WorldOfSix world;
    world.time_limit = 100ms;
    const core::SyncResult result = world.sync();
    EXPECT_EQ(summary(result), "failed: desired 6, failed 1");
    EXPECT_TRUE(result.timed_out);
    expect_untouched(world);
}

TEST(Sync, a_closing_listing_that_fails_makes_the_sync_partial)
{
    World world;
    world.store.desires("ann", "r1");
    world.flex.pages = {Page::Whole, Page::Slow};
    const core::SyncResult result = world.sync();
    EXPECT_EQ(summary(result), "partial: desired 1, added 1, failed 1, passes 1, requests 3");
    EXPECT_EQ(notes(result), Words{"list timeout -"});
    EXPECT_EQ(world.store.rows(), Words{"ann n1"});
    EXPECT_EQ(world.store.memory(), Words{"n1 r1"});
    EXPECT_EQ(summary(world.sync()), "ok: desired 1, kept 1, passes 1, requests 1");
    EXPECT_EQ(world.store.memory(), Words{"n1 r1 shown"});
}

// ---- a listing that lies

TEST(Sync, a_listing_that_is_whole_and_wrong_is_asked_for_again)
{
    WorldOfSix world;
    world.flex.pages = {Page::Empty};
    EXPECT_EQ(summary(world.sync()), "ok: desired 6, kept 6, passes 1, requests 2");
    expect_untouched(world);
}

TEST(Sync, a_closing_listing_that_is_whole_and_wrong_is_asked_for_again)
{
    WorldOfSix world;
    world.store.desires("new", "r9");
    world.flex.pages = {Page::Whole, Page::Empty};
    EXPECT_EQ(summary(world.sync()), "ok: desired 7, kept 6, added 1, passes 1, requests 4");
    EXPECT_EQ(world.flex.contacts().size(), 7u);
}

TEST(Sync, a_listing_that_makes_one_row_stale_is_believed)
{
    WorldOfSix world;
    world.flex.loses("l1");
    EXPECT_EQ(summary(world.sync()), "ok: desired 6, kept 5, added 1, stale 1, passes 1, requests 3");
}

TEST(Sync, a_listing_that_makes_half_of_the_rows_stale_is_believed_when_another_says_the_same)
{
    WorldOfSix world;
    for (const char *line : {"l1", "l2", "l3"})
        world.flex.loses(line);
    EXPECT_EQ(summary(world.sync()), "ok: desired 6, kept 3, added 3, stale 3, passes 1, requests 6");
}

TEST(Sync, a_lost_add_that_a_doubted_listing_shows_is_not_made_again)
{
    WorldOfSix world;
    world.store.desires("new", "r9");
    world.flex.fates["add r9"] = {Fate::LostAfter};
    world.flex.pages = {Page::Whole, Page::Tail, Page::Half, Page::Tail, Page::Half};
    world.sync();
    EXPECT_EQ(std::count(world.flex.sent.begin(), world.flex.sent.end(), "add r9"), 1);
    EXPECT_EQ(world.flex.unjustified_adds, Words{});
}

// ---- guards

TEST(Sync, a_crew_that_is_empty_by_mistake_does_not_empty_the_call)
{
    WorldOfSix world;
    world.store.desired.clear();
    const core::SyncResult result = world.sync();
    EXPECT_EQ(summary(result), "blocked: requests 1");
    EXPECT_EQ(result.message, "Nothing was changed. It would delete 6 of 6 contacts in Flex, more than max_removals "
                              "allows (5). If that is right, call flex_sync_crew with max_removals => 6.");
    expect_untouched(world);
    world.max_removals = 6;
    EXPECT_EQ(summary(world.sync()), "ok: removed 6, passes 1, requests 8");
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
    EXPECT_EQ(summary(result), "partial: stale 1, failed 1, passes 1, requests 1");
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

// ---- a listing that lags

TEST(Sync, what_flex_accepted_and_does_not_show_yet_is_waited_for)
{
    World world;
    world.has_on_call("out", "l1", "r1");
    world.has_on_call("kept", "l2", "r2");
    world.store.withdraws("out");
    world.store.desired.front().role = core::BusinessRoleId("foh");
    world.store.desires("new", "r3");
    world.flex.add_lag = world.flex.deletion_lag = world.flex.role_lag = 1s;
    const core::SyncResult result = world.sync();
    EXPECT_EQ(summary(result), "ok: desired 2, kept 1, added 1, removed 1, roles 1, passes 1, requests 7");
    EXPECT_EQ(world.store.memory(), (Words{"l2 r2 shown foh", "n1 r3 shown"}));
}

TEST(Sync, a_contact_that_is_not_shown_in_time_makes_the_sync_partial_and_is_not_added_again)
{
    World world;
    world.store.desires("ann", "r1");
    world.flex.fates["add r1"] = {Fate::NeverShown};
    const core::SyncResult result = world.sync();
    EXPECT_EQ(summary(result), "partial: desired 1, added 1, failed 1, passes 1, requests 6");
    EXPECT_EQ(notes(result), Words{"keep not_shown ann"});
    EXPECT_EQ(world.store.rows(), Words{"ann n1"});
    EXPECT_EQ(summary(world.sync()), "partial: desired 1, kept 1, failed 1, passes 1, requests 1");
    world.clock.pass(1min);
    EXPECT_EQ(summary(world.sync()), "ok: desired 1, added 1, stale 1, passes 1, requests 3");
    EXPECT_EQ(world.flex.unjustified_adds, Words{});
}

TEST(Sync, a_contact_that_is_never_shown_is_tried_again_ever_more_rarely)
{
    World world;
    world.store.desires("ann", "r1");
    world.flex.chance = [](const std::string &) { return Fate::NeverShown; };
    int adds = 0;
    for (int minute = 0; minute < 65; ++minute) {
        world.sync();
        adds += static_cast<int>(std::count(world.flex.sent.begin(), world.flex.sent.end(), "add r1"));
        world.clock.pass(1min);
    }
    // At once, and after 1, 2, 4, 8, 16 and 32 minutes.
    EXPECT_EQ(adds, 7);
}

TEST(Sync, a_deletion_that_is_not_shown_in_time_makes_the_sync_partial)
{
    World world;
    world.has_on_call("ann", "l1", "r1");
    world.store.withdraws("ann");
    world.flex.deletion_lag = 1h;
    const core::SyncResult result = world.sync();
    EXPECT_EQ(summary(result), "partial: removed 1, failed 1, passes 1, requests 6");
    EXPECT_EQ(notes(result), Words{"remove still_shown -"});
    EXPECT_EQ(world.store.memory(), Words{"l1 r1 shown"});
}

TEST(Sync, a_contact_that_lags_after_its_deletion_is_not_adopted_by_whoever_is_desired_again)
{
    World world;
    world.has_on_call("ann", "l1", "r1");
    world.store.withdraws("ann");
    world.flex.deletion_lag = 1s;
    world.flex.after_changes = [&] { world.store.desires("ann", "r1"); };
    world.sync();
    EXPECT_EQ(world.flex.contacts(), Words{"n1 r1"});
    EXPECT_EQ(world.store.rows(), Words{"ann n1"});
}

TEST(Sync, a_contact_that_was_never_shown_and_is_deleted_is_not_taken_for_one_that_is_coming)
{
    for (const bool is_confirmed : {true, false}) {
        World world;
        world.store.desires("ann", "r1");
        world.flex.fates["add r1"] = {Fate::NeverShown};
        world.sync();
        world.store.withdraws("ann");
        if (is_confirmed)
            world.flex.after_changes = [&] { world.store.desires("ann", "r1"); };
        else
            world.flex.pages = {Page::Whole, Page::Slow};
        world.sync();
        if (!is_confirmed) {
            world.store.desires("ann", "r1");
            world.sync();
        }
        EXPECT_EQ(world.flex.contacts(), Words{"n2 r1"});
        EXPECT_EQ(world.store.rows(), Words{"ann n2"});
    }
}

TEST(Sync, a_role_that_flex_never_shows_is_sent_once)
{
    World world;
    world.flex.shows_roles = false;
    world.store.desires("there", "r1", "foh");
    world.store.desires("new", "r2", "foh");
    world.store.desires("old", "r3", "foh");
    world.store.has_row("old", "l3");
    world.flex.shows("l1", "r1");
    world.flex.shows("l3", "r3");
    EXPECT_EQ(summary(world.sync()), "ok: desired 3, kept 1, adopted 1, added 1, roles 3, passes 1, requests 6");
    EXPECT_EQ(world.store.memory(), (Words{"l1 r1 shown foh", "l3 r3 shown foh", "n1 r2 shown foh"}));
    EXPECT_EQ(summary(world.sync()), "ok: desired 3, kept 3, passes 1, requests 1");
}

} // namespace
