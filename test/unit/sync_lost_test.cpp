// Answers that are lost.

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

// ---- adds whose answer is lost (I5)

TEST(Sync, a_lost_add_that_a_listing_shows_counts_as_added)
{
    World world;
    world.store.desires("ann", "r1");
    world.flex.fates["add r1"] = {Fate::LostAfter};
    const core::SyncResult result = world.sync();
    EXPECT_EQ(summary(result), "ok: desired 1, added 1, passes 2, requests 3");
    EXPECT_EQ(world.store.rows(), Words{"ann n1"});
    ASSERT_EQ(result.operations.size(), 1u);
    EXPECT_EQ(result.operations.front().answer.outcome, core::Outcome::Done);
    EXPECT_EQ(result.operations.front().line, core::LineItemId("n1"));
}

TEST(Sync, a_lost_add_is_made_again_after_two_listings_and_two_seconds)
{
    World world;
    world.store.desires("ann", "r1");
    world.flex.fates["add r1"] = {Fate::LostBefore};
    const core::TimePoint start = world.clock.now();
    EXPECT_EQ(summary(world.sync()), "ok: desired 1, added 1, passes 2, requests 6");
    EXPECT_EQ(world.flex.sent, (Words{"list", "add r1", "list", "list", "add r1", "list"}));
    EXPECT_GE(world.clock.now() - start, 2s);
    EXPECT_EQ(world.flex.contacts(), Words{"n1 r1"});
    EXPECT_EQ(world.flex.unjustified_adds, Words{});
}

TEST(Sync, an_add_that_is_lost_twice_is_not_made_a_third_time)
{
    World world;
    world.store.desires("ann", "r1");
    world.store.desires("bob", "r1");
    world.flex.fates["add r1"] = {Fate::LostBefore, Fate::LostBefore, Fate::Done};
    const core::SyncResult result = world.sync();
    EXPECT_EQ(summary(result), "partial: desired 2, failed 1, passes 2, requests 7");
    EXPECT_EQ(notes(result), Words{"add unknown ann"});
    EXPECT_EQ(world.store.rows(), Words{});
    EXPECT_EQ(world.store.memory(), Words{"lost r1"});
}

TEST(Sync, a_lost_add_that_is_done_late_is_found_by_the_second_listing)
{
    World world;
    world.store.desires("ann", "r1");
    world.flex.fates["add r1"] = {Fate::ActsLate};
    EXPECT_EQ(summary(world.sync()), "ok: desired 1, added 1, passes 2, requests 4");
    EXPECT_EQ(world.flex.contacts(), Words{"n1 r1"});
}

TEST(Sync, a_lost_add_of_two_technicians_with_one_resource_is_made_again_once)
{
    World world;
    world.store.desires("ann", "r1");
    world.store.desires("bob", "r1");
    world.flex.fates["add r1"] = {Fate::LostBefore};
    EXPECT_EQ(summary(world.sync()), "ok: desired 2, adopted 1, added 1, passes 2, requests 6");
    EXPECT_EQ(world.flex.unjustified_adds, Words{});
}

TEST(Sync, a_lost_add_that_no_time_is_left_to_settle_is_left_to_the_next_sync)
{
    World world;
    world.store.desires("ann", "r1");
    world.flex.fates["add r1"] = {Fate::LostBefore};
    world.time_limit = 1500ms;
    EXPECT_EQ(summary(world.sync()), "partial: desired 1, failed 1, passes 1, requests 3");
    EXPECT_EQ(world.store.memory(), Words{"lost r1"});
    world.time_limit = 30s;
    EXPECT_EQ(summary(world.sync()), "ok: desired 1, added 1, passes 2, requests 4");
    EXPECT_EQ(world.flex.unjustified_adds, Words{});
}

TEST(Sync, an_earlier_lost_add_is_not_made_again_before_a_listing_long_enough_after)
{
    World world;
    world.store.desires("ann", "r1");
    world.store.desires("bob", "r2");
    world.store.note({.asked = core::ResourceId("r1")}, world.clock.now() - 1s);
    const core::TimePoint start = world.clock.now();
    EXPECT_EQ(summary(world.sync()), "ok: desired 2, added 2, passes 2, requests 6");
    // The technician who was not lost does not wait for the one who was.
    EXPECT_EQ(world.flex.sent, (Words{"list", "add r2", "list", "list", "add r1", "list"}));
    EXPECT_GE(world.clock.now() - start, 1s);
}

TEST(Sync, an_earlier_lost_add_of_long_ago_takes_a_second_listing)
{
    World world;
    world.store.desires("ann", "r1");
    world.store.note({.asked = core::ResourceId("r1")}, world.clock.now() - 30min);
    EXPECT_EQ(summary(world.sync()), "ok: desired 1, added 1, passes 2, requests 4");
    EXPECT_EQ(world.clock.waited, 0s);
}

TEST(Sync, an_earlier_lost_add_that_a_listing_shows_is_adopted)
{
    World world;
    world.store.desires("ann", "r1");
    world.flex.shows("l1", "r1");
    world.store.note({.asked = core::ResourceId("r1")}, world.clock.now() - 1s);
    EXPECT_EQ(summary(world.sync()), "ok: desired 1, adopted 1, passes 1, requests 1");
}

TEST(Sync, an_earlier_lost_add_that_no_time_is_left_to_settle_is_reported)
{
    World world;
    world.store.desires("ann", "r1");
    world.store.desires("bob", "r1");
    world.store.note({.asked = core::ResourceId("r1")}, world.clock.now());
    world.time_limit = 1s;
    const core::SyncResult result = world.sync();
    EXPECT_EQ(core::name_of(result.status), "partial");
    EXPECT_EQ(notes(result), Words{"add unknown ann"});
    EXPECT_EQ(world.flex.contacts(), Words{});
}

TEST(Sync, an_earlier_lost_add_of_somebody_who_is_desired_meanwhile_waits_too)
{
    World world;
    world.has_on_call("kept", "l1", "r9");
    world.store.note({.asked = core::ResourceId("r1")}, world.clock.now());
    world.flex.before_listing[1] = [&] { world.store.desires("ann", "r1"); };
    const core::TimePoint start = world.clock.now();
    world.sync();
    EXPECT_EQ(world.flex.contacts(), (Words{"l1 r9", "n1 r1"}));
    EXPECT_GE(world.clock.now() - start, 2s);
    EXPECT_EQ(std::count(world.flex.sent.begin(), world.flex.sent.end(), "add r1"), 1);
}

TEST(Sync, a_lost_add_that_was_found_and_vanishes_again_is_not_made_again_by_the_same_sync)
{
    World world;
    world.store.desires("ann", "r1");
    world.flex.fates["add r1"] = {Fate::LostAfter};
    world.flex.before_listing[2] = [&] { world.store.desires("bob", "r2"); };
    world.flex.pages = {Page::Whole, Page::Whole, Page::Empty};
    world.sync();
    EXPECT_EQ(std::count(world.flex.sent.begin(), world.flex.sent.end(), "add r1"), 1);
    EXPECT_EQ(world.flex.unjustified_adds, Words{});
}

TEST(Sync, a_line_of_another_type_is_not_taken_for_a_lost_add)
{
    World world;
    world.store.desires("ann", "r1");
    world.flex.shows("l1", "r1", "", core::LineKind::Other);
    world.flex.fates["add r1"] = {Fate::LostAfter};
    EXPECT_EQ(summary(world.sync()), "ok: desired 1, added 1, passes 2, requests 3");
    EXPECT_EQ(world.store.rows(), Words{"ann n1"});
    EXPECT_EQ(world.flex.unjustified_adds, Words{});
}

TEST(Sync, a_lost_add_is_remembered_for_an_hour_after_it)
{
    World world;
    world.store.desires("ann", "r1");
    world.flex.fates["add r1"] = {Fate::LostAfter};
    world.sync();
    EXPECT_EQ(world.store.memory(), (Words{"lost r1", "n1 r1 shown"}));
    world.clock.pass(61min);
    world.sync();
    EXPECT_EQ(world.store.memory(), Words{"n1 r1 shown"});
}

TEST(Sync, a_lost_add_that_is_done_after_all_is_pruned_as_ours)
{
    World world;
    world.prune = core::Prune::Owned;
    world.store.desires("ann", "r1");
    world.flex.fates["add r1"] = {Fate::ActsLate};
    world.flex.late_by = 1min;
    EXPECT_EQ(summary(world.sync()), "ok: desired 1, added 1, passes 2, requests 6");
    world.clock.pass(2min);
    EXPECT_EQ(summary(world.sync()), "ok: desired 1, kept 1, pruned 1, passes 1, requests 3");
    EXPECT_EQ(world.flex.contacts(), Words{"n1 r1"});
}

// ---- deletions and roles whose answer is lost

TEST(Sync, a_lost_deletion_that_was_done_counts_as_removed)
{
    World world;
    world.has_on_call("ann", "l1", "r1");
    world.store.withdraws("ann");
    world.flex.fates["delete l1"] = {Fate::LostAfter};
    EXPECT_EQ(summary(world.sync()), "ok: removed 1, passes 2, requests 3");
    EXPECT_EQ(world.store.rows(), Words{});
    EXPECT_EQ(world.store.memory(), Words{});
}

TEST(Sync, a_lost_deletion_that_was_not_done_is_sent_again_and_counts_once)
{
    World world;
    world.has_on_call("ann", "l1", "r1");
    world.store.withdraws("ann");
    world.flex.shows("l2", "r2");
    world.flex.fates["delete l1"] = {Fate::LostBefore};
    world.flex.fates["delete l2"] = {Fate::LostBefore};
    EXPECT_EQ(summary(world.sync()), "ok: removed 1, pruned 1, passes 2, requests 7");
}

TEST(Sync, a_lost_deletion_is_sent_again_whatever_the_policy_once_the_row_is_mapped_anew)
{
    World world;
    world.prune = core::Prune::None;
    world.has_on_call("ann", "l1", "r1");
    world.store.desired.front().resource = core::ResourceId("r2");
    world.flex.fates["delete l1"] = {Fate::LostBefore};
    EXPECT_EQ(summary(world.sync()), "ok: desired 1, added 1, removed 1, passes 2, requests 6");
    EXPECT_EQ(world.flex.contacts(), Words{"n1 r2"});
    EXPECT_EQ(world.store.rows(), Words{"ann n1"});
}

TEST(Sync, a_deletion_that_stays_lost_is_one_failure)
{
    World world;
    world.has_on_call("ann", "l1", "r1");
    world.store.withdraws("ann");
    world.flex.fates["delete l1"] = {Fate::LostBefore, Fate::LostBefore, Fate::LostBefore};
    const core::SyncResult result = world.sync();
    EXPECT_EQ(summary(result), "partial: failed 1, passes 3, requests 7");
    EXPECT_EQ(notes(result), Words{"remove timeout ann"});
    EXPECT_EQ(world.store.rows(), Words{"ann l1"});
}

TEST(Sync, a_lost_role_is_judged_by_the_listing)
{
    for (const Fate fate : {Fate::LostAfter, Fate::LostBefore}) {
        World world;
        world.has_on_call("ann", "l1", "r1");
        world.store.desired.front().role = core::BusinessRoleId("foh");
        world.flex.fates["role l1"] = {fate};
        EXPECT_EQ(summary(world.sync()), fate == Fate::LostAfter
                                             ? "ok: desired 1, kept 1, roles 1, passes 1, requests 3"
                                             : "ok: desired 1, kept 1, roles 1, passes 2, requests 5");
    }
}

TEST(Sync, a_contact_that_was_to_go_goes_whatever_the_policy_once_its_row_is_mapped_anew)
{
    World world;
    world.prune = core::Prune::None;
    world.has_on_call("ann", "l1", "r1");
    world.store.desired.front().resource = core::ResourceId("r2");
    world.flex.fates["delete l1"] = {Fate::LostBefore};
    EXPECT_EQ(summary(world.sync()), "ok: desired 1, added 1, removed 1, passes 2, requests 6");
    EXPECT_EQ(world.flex.contacts(), Words{"n1 r2"});
}

} // namespace
