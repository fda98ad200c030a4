// Listings that fail, lie or lag.

#include "world.hpp"

#include <gtest/gtest.h>

using unit::Fate;
using unit::notes;
using unit::Page;
using unit::summary;
using unit::Words;
using unit::World;
using unit::WorldOfSix;
using namespace std::chrono_literals;

namespace {

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

TEST(Sync, a_listing_that_lacks_one_contact_is_asked_for_again)
{
    WorldOfSix world;
    world.flex.pages = {Page::Hole};
    EXPECT_EQ(summary(world.sync()), "ok: desired 6, kept 6, passes 1, requests 2");
    expect_untouched(world);
}

TEST(Sync, listings_that_lack_one_contact_each_are_believed_by_nobody)
{
    WorldOfSix world;
    world.flex.pages = {Page::Hole, Page::Whole};
    world.flex.before_listing[2] = [&] { world.flex.loses("l6"); };
    EXPECT_EQ(summary(world.sync()), "ok: desired 6, kept 5, added 1, stale 1, passes 1, requests 5");
    world.flex.pages = {Page::Half, Page::Tail, Page::Half};
    EXPECT_EQ(summary(world.sync()), "failed: desired 6, failed 1, requests 3");
}

TEST(Sync, a_listing_that_makes_one_row_stale_is_believed_when_another_says_the_same)
{
    WorldOfSix world;
    world.flex.loses("l1");
    EXPECT_EQ(summary(world.sync()), "ok: desired 6, kept 5, added 1, stale 1, passes 1, requests 4");
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
    EXPECT_EQ(summary(world.sync()), "ok: desired 1, added 1, stale 1, passes 1, requests 4");
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

TEST(Sync, a_contact_that_was_added_and_is_still_shown_after_its_deletion_stays_known)
{
    World world;
    world.store.desires("ann", "r1");
    world.flex.after_changes = [&] {
        world.store.withdraws("ann");
        world.flex.deletion_lag = 1h;
    };
    const core::SyncResult result = world.sync();
    EXPECT_EQ(notes(result), Words{"remove still_shown -"});
    EXPECT_EQ(world.store.memory(), Words{"n1 r1 shown"});
    world.prune = core::Prune::Owned;
    world.sync();
    EXPECT_EQ(world.flex.sent, (Words{"list", "delete n1", "list", "list", "list", "list"}));
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

TEST(Sync, a_closing_listing_that_does_not_arrive_is_reported_with_its_http_status)
{
    for (const auto &[page, status] :
         {std::pair{Page::TooMany, std::optional(429)}, std::pair{Page::Slow, std::optional<int>()}}) {
        World world;
        world.store.desires("ann", "r1");
        world.flex.pages = {Page::Whole, page};
        const core::SyncResult result = world.sync();
        ASSERT_EQ(notes(result), Words{"list " + result.diagnostics.at(0).code + " -"});
        EXPECT_EQ(result.diagnostics[0].http_status, status);
    }
}

TEST(Sync, a_listing_that_cannot_be_true_is_reported_as_void)
{
    World world;
    world.has_on_call("ann", "l1", "r1");
    world.flex.pages = {Page::Labels};
    const core::SyncResult result = world.sync();
    EXPECT_EQ(core::name_of(result.status), "failed");
    EXPECT_EQ(notes(result), Words{"list void -"});
    EXPECT_TRUE(result.diagnostics.at(0).message.starts_with("Flex answered a listing that cannot be true: "));
}

} // namespace
