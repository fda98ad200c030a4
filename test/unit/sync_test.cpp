// The steps of one sync where nothing fails: what is sent, written and counted.

#include "world.hpp"

#include <gtest/gtest.h>

using unit::notes;
using unit::summary;
using unit::Words;
using unit::World;

namespace {

TEST(Sync, a_sync_that_repeats_lists_once_and_writes_nothing)
{
    World world;
    world.store.desires("ann", "r1", "foh");
    world.store.desires("bob", "r2");
    world.flex.shows("l2", "r2");
    EXPECT_EQ(summary(world.sync()), "ok: desired 2, adopted 1, added 1, roles 1, passes 1, requests 4");
    const int memory_writes = world.store.memory_writes;
    EXPECT_EQ(summary(world.sync()), "ok: desired 2, kept 2, passes 1, requests 1");
    EXPECT_EQ(world.flex.sent, Words{"list"});
    EXPECT_EQ(world.store.rows_written, 2);
    EXPECT_EQ(world.store.memory_writes, memory_writes);
}

TEST(Sync, a_technician_who_is_not_on_the_call_is_added_and_mapped)
{
    World world;
    world.store.desires("ann", "r1");
    EXPECT_EQ(summary(world.sync()), "ok: desired 1, added 1, passes 1, requests 3");
    EXPECT_EQ(world.flex.sent, (Words{"list", "add r1", "list"}));
    EXPECT_EQ(world.store.rows(), Words{"ann n1"});
    EXPECT_EQ(world.store.memory(), Words{"n1 r1 shown"});
}

TEST(Sync, a_contact_that_was_deleted_in_flex_is_added_again_by_the_same_sync)
{
    World world;
    world.has_on_call("ann", "l1", "r1");
    world.flex.loses("l1");
    EXPECT_EQ(summary(world.sync()), "ok: desired 1, added 1, stale 1, passes 1, requests 4");
    EXPECT_EQ(world.store.rows(), Words{"ann n1"});
    EXPECT_EQ(world.flex.contacts(), Words{"n1 r1"});
}

TEST(Sync, a_contact_that_is_there_is_adopted_without_a_second_listing)
{
    World world;
    world.store.desires("ann", "r1");
    world.flex.shows("l1", "r1");
    EXPECT_EQ(summary(world.sync()), "ok: desired 1, adopted 1, passes 1, requests 1");
    EXPECT_EQ(world.store.rows(), Words{"ann l1"});
    EXPECT_EQ(world.store.memory(), Words{"l1 r1 shown"});
}

TEST(Sync, a_withdrawn_technician_loses_contact_and_row)
{
    World world;
    world.has_on_call("ann", "l1", "r1");
    world.store.withdraws("ann");
    EXPECT_EQ(summary(world.sync()), "ok: removed 1, passes 1, requests 3");
    EXPECT_EQ(world.flex.contacts(), Words{});
    EXPECT_EQ(world.store.rows(), Words{});
    EXPECT_EQ(world.store.memory(), Words{});
}

TEST(Sync, a_withdrawn_technician_whose_contact_is_needed_or_gone_loses_only_the_row)
{
    World world;
    world.has_on_call("ann", "l1", "r1");
    world.has_on_call("bob", "l2", "r2");
    world.store.withdraws("ann");
    world.store.withdraws("bob");
    world.flex.loses("l2");
    world.store.desires("eve", "r1");
    EXPECT_EQ(summary(world.sync()), "ok: desired 1, adopted 1, stale 2, passes 1, requests 1");
    EXPECT_EQ(world.store.rows(), Words{"eve l1"});
}

TEST(Sync, orphans_go_before_anybody_is_added)
{
    World world;
    world.flex.shows("l9", "r9");
    world.store.desires("ann", "r1");
    EXPECT_EQ(summary(world.sync()), "ok: desired 1, added 1, pruned 1, passes 1, requests 4");
    EXPECT_EQ(world.flex.sent, (Words{"list", "delete l9", "add r1", "list"}));
}

TEST(Sync, what_the_policy_retains_stays)
{
    World world;
    world.prune = core::Prune::None;
    world.flex.shows("l9", "r9");
    EXPECT_EQ(summary(world.sync()), "ok: retained 1, passes 1, requests 1");
    EXPECT_EQ(world.flex.contacts(), Words{"l9 r9"});
}

TEST(Sync, what_the_policy_retains_is_told_and_is_no_failure)
{
    unit::WorldOfSix world;
    world.prune = core::Prune::None;
    world.flex.shows("l7", "r6");
    world.flex.shows("l9", "r9");
    const core::SyncResult result = world.sync();
    EXPECT_EQ(summary(result), "ok: desired 6, kept 6, retained 2, passes 1, requests 1");
    EXPECT_EQ(notes(result), (Words{"retain surplus r6", "retain not_desired r9"}));
    EXPECT_EQ(result.message, "6 technicians are on the crew call: 6 kept; 2 retained.");
}

TEST(Sync, a_blocked_sync_tells_what_it_would_retain)
{
    unit::WorldOfSix world;
    world.prune = core::Prune::None;
    world.max_removals = 0;
    for (int i = 1; i <= 4; ++i)
        world.store.withdraws("t" + std::to_string(i));
    world.flex.shows("l9", "r9");
    const core::SyncResult result = world.sync();
    EXPECT_EQ(result.status, core::Status::Blocked);
    EXPECT_EQ(notes(result), Words{"retain not_desired r9"});
    EXPECT_EQ(result.counts.retained, 1);
}

TEST(Sync, a_hundred_diagnostics_are_told_and_the_others_counted)
{
    unit::WorldOfSix world;
    world.prune = core::Prune::None;
    world.flex.fates["add r7"] = {unit::Fate::Refused};
    world.store.desires("t7", "r7");
    for (int i = 0; i < 150; ++i)
        world.flex.shows("x" + std::to_string(i), "y" + std::to_string(i));
    const core::SyncResult result = world.sync();
    EXPECT_EQ(result.counts.retained, 150);
    EXPECT_EQ(result.counts.failed, 1);
    ASSERT_EQ(result.diagnostics.size(), 101u);
    EXPECT_EQ(result.diagnostics.front().action, "add") << "what failed goes first";
    EXPECT_EQ(result.diagnostics.back().code, "more_diagnostics");
    EXPECT_EQ(result.diagnostics.back().message, "These are the first 100 diagnostics; there are 51 more.");
}

TEST(Sync, a_hundred_diagnostics_need_no_count)
{
    World world;
    world.prune = core::Prune::None;
    for (int i = 0; i < 100; ++i)
        world.flex.shows("x" + std::to_string(i), "y" + std::to_string(i));
    EXPECT_EQ(world.sync().diagnostics.size(), 100u);
    EXPECT_NE(world.sync().diagnostics.back().code, "more_diagnostics");
}

TEST(Sync, somebody_else_is_heard_while_it_is_planned)
{
    World world;
    world.prune = core::Prune::None;
    for (int i = 0; i < 50'000; ++i)
        world.flex.shows("x" + std::to_string(i), "r", "", core::LineKind::Untyped);
    const core::SyncResult result = world.sync();
    EXPECT_GE(world.clock.checks, 30);
    ASSERT_EQ(result.diagnostics.size(), 101u);
    EXPECT_EQ(result.diagnostics.back().message, "These are the first 100 diagnostics; there are 49900 more.");
}

TEST(Sync, a_contact_that_goes_with_its_row_is_not_retained)
{
    World world;
    world.prune = core::Prune::None;
    world.has_on_call("ann", "l1", "r1");
    world.store.desired.front().resource = core::ResourceId("r2");
    EXPECT_EQ(world.sync().counts.retained, 0);
    EXPECT_EQ(world.flex.contacts(), Words{"n1 r2"});
}

TEST(Sync, with_owned_only_what_we_added_or_mapped_is_pruned)
{
    World world;
    world.prune = core::Prune::Owned;
    world.store.desires("ann", "r1");
    world.store.desires("bob", "r2");
    world.flex.shows("l2", "r2");
    world.flex.shows("l3", "r3");
    world.sync();
    world.store.withdraws("ann");
    world.store.withdraws("bob");
    world.store.loses_row("ann");
    world.store.loses_row("bob");
    EXPECT_EQ(summary(world.sync()), "ok: pruned 2, retained 1, passes 1, requests 4");
    EXPECT_EQ(world.flex.contacts(), Words{"l3 r3"});
}

TEST(Sync, a_role_that_changes_is_told_to_flex)
{
    World world;
    world.has_on_call("ann", "l1", "r1", "foh");
    world.store.desired.front().role = core::BusinessRoleId("mon");
    EXPECT_EQ(summary(world.sync()), "ok: desired 1, kept 1, roles 1, passes 1, requests 3");
    EXPECT_EQ(world.flex.contacts(), Words{"l1 r1 mon"});
}

TEST(Sync, two_technicians_with_one_resource_are_called_once)
{
    World world;
    world.store.desires("ann", "r1");
    world.store.desires("bob", "r1");
    EXPECT_EQ(summary(world.sync()), "ok: desired 2, adopted 1, added 1, passes 1, requests 3");
    EXPECT_EQ(world.store.rows(), (Words{"ann n1", "bob n1"}));
}

TEST(Sync, two_technicians_who_shared_a_contact_are_removed_with_it)
{
    World world;
    world.store.has_row("ann", "l1");
    world.store.has_row("bob", "l1");
    world.flex.shows("l1", "r1");
    EXPECT_EQ(summary(world.sync()), "ok: removed 2, passes 1, requests 3");
    EXPECT_EQ(world.flex.sent, (Words{"list", "delete l1", "list"}));
}

TEST(Sync, aliased_calls_count_pairs_and_write_the_rows_of_all)
{
    World world;
    world.store.desires("ann", "r1", "", "A");
    world.store.desires("ann", "r1", "", "B");
    EXPECT_EQ(summary(world.sync()), "ok: desired 2, adopted 1, added 1, passes 1, requests 3");
    EXPECT_EQ(world.store.rows(), (Words{"ann n1", "B/ann n1"}));
}

TEST(Sync, a_changed_resource_leaves_one_contact_and_one_row)
{
    World world;
    world.has_on_call("ann", "l1", "r1");
    world.store.desired.front().resource = core::ResourceId("r2");
    EXPECT_EQ(summary(world.sync()), "ok: desired 1, added 1, removed 1, passes 1, requests 4");
    EXPECT_EQ(world.flex.contacts(), Words{"n1 r2"});
    EXPECT_EQ(world.store.rows(), Words{"ann n1"});
}

TEST(Sync, a_technician_without_a_resource_is_skipped_with_a_diagnostic)
{
    World world;
    world.store.desires("ann", "");
    const core::SyncResult result = world.sync();
    EXPECT_EQ(summary(result), "ok: desired 1, skipped 1, passes 1, requests 1");
    EXPECT_EQ(notes(result), Words{"skip no_resource ann"});
    EXPECT_EQ(result.message, "0 technicians are on the crew call; 1 skipped without a usable resource.");
}

TEST(Sync, every_column_counts_its_own)
{
    World world;
    world.has_on_call("kept", "l1", "r1", "foh");
    world.has_on_call("out", "l2", "r2");
    world.has_on_call("gone", "l3", "r3");
    world.store.withdraws("out");
    world.flex.loses("l3");
    world.flex.shows("l4", "r4");
    world.flex.shows("l5", "r5");
    world.store.desired.front().role = core::BusinessRoleId("mon");
    world.store.desires("there", "r4");
    world.store.desires("none", "");
    const core::SyncResult result = world.sync();
    EXPECT_EQ(summary(result), "ok: desired 4, kept 1, adopted 1, added 1, removed 1, stale 1, pruned 1, roles 1, "
                               "skipped 1, passes 1, requests 7");
    EXPECT_EQ(result.message, "3 technicians are on the crew call: 1 kept, 1 adopted, 1 added; 1 removed, 1 pruned, "
                              "1 stale, 1 role set, 1 skipped without a usable resource.");
    EXPECT_EQ(result.operations.size(), 4u);
}

// ---- what others do meanwhile

TEST(Sync, whoever_is_desired_while_a_sync_runs_is_added_by_it)
{
    World world;
    world.store.desires("ann", "r1");
    world.flex.after_changes = [&] { world.store.desires("bob", "r2"); };
    EXPECT_EQ(summary(world.sync()), "ok: desired 2, added 2, passes 2, requests 5");
}

TEST(Sync, desired_crew_is_read_again_before_ok_even_where_nothing_was_sent)
{
    World world;
    world.store.desires("ann", "r1");
    world.flex.shows("l1", "r1");
    world.store.after_write = [&] { world.store.desires("bob", "r2"); };
    EXPECT_EQ(summary(world.sync()), "ok: desired 2, adopted 1, added 1, passes 2, requests 3");
}

TEST(Sync, nobody_is_called_who_was_withdrawn_while_flex_was_listed)
{
    World world;
    world.store.desires("ann", "r1");
    world.flex.before_listing[1] = [&] { world.store.withdraws("ann"); };
    EXPECT_EQ(summary(world.sync()), "ok: passes 1, requests 1");
    EXPECT_EQ(world.flex.sent, Words{"list"});
}

TEST(Sync, whoever_is_withdrawn_while_they_are_added_is_removed_again)
{
    World world;
    world.store.desires("ann", "r1");
    world.flex.after_changes = [&] { world.store.withdraws("ann"); };
    EXPECT_EQ(summary(world.sync()), "ok: removed 1, passes 2, requests 5");
    EXPECT_EQ(world.flex.contacts(), Words{});
    EXPECT_EQ(world.store.rows(), Words{});
    EXPECT_EQ(world.store.memory(), Words{});
}

TEST(Sync, whoever_is_desired_again_while_they_are_removed_is_added)
{
    World world;
    world.has_on_call("ann", "l1", "r1");
    world.store.withdraws("ann");
    world.flex.after_changes = [&] { world.store.desires("ann", "r1"); };
    EXPECT_EQ(summary(world.sync()), "ok: desired 1, added 1, removed 1, passes 2, requests 5");
    EXPECT_EQ(world.store.rows(), Words{"ann n1"});
}

TEST(Sync, a_crew_that_never_rests_is_left_after_three_passes)
{
    World world;
    for (int listing = 1; listing <= 4; ++listing)
        world.flex.before_listing[listing] = [&world, listing] {
            world.store.desires("t" + std::to_string(listing), "r" + std::to_string(listing));
        };
    const core::SyncResult result = world.sync();
    EXPECT_EQ(summary(result), "partial: desired 4, added 3, failed 1, passes 3, requests 7");
    EXPECT_EQ(notes(result), Words{"add changed_meanwhile t4"});
    world.flex.before_listing.clear();
    EXPECT_EQ(summary(world.sync()), "ok: desired 4, kept 3, added 1, passes 1, requests 3");
}

TEST(Sync, rows_are_read_again_after_stale_ones_are_deleted)
{
    World world;
    world.has_on_call("ann", "l1", "r1");
    world.flex.loses("l1");
    // Somebody else maps the technician to a contact made by hand, after the sync has read the rows.
    world.flex.shows("l2", "r1");
    world.store.before_read[2] = [&] { world.store.has_row("ann", "l2"); };
    EXPECT_EQ(summary(world.sync()), "ok: desired 1, kept 1, stale 1, passes 1, requests 2");
    EXPECT_EQ(world.store.rows(), Words{"ann l2"});
}

TEST(Sync, a_stale_row_that_was_mapped_anew_meanwhile_is_not_deleted)
{
    World world;
    world.has_on_call("ann", "l1", "r1");
    world.flex.loses("l1");
    world.flex.shows("l2", "r1");
    world.flex.before_listing[1] = [&] { world.store.has_row("ann", "l2"); };
    world.sync();
    EXPECT_EQ(world.store.rows(), Words{"ann l2"});
    EXPECT_EQ(world.store.rows_deleted, 0);
    EXPECT_EQ(world.flex.contacts(), Words{"l2 r1"});
}

TEST(Sync, a_role_that_changes_while_it_is_sent_is_sent_again)
{
    World world;
    world.has_on_call("ann", "l1", "r1");
    world.store.desired.front().role = core::BusinessRoleId("foh");
    world.flex.after_changes = [&] { world.store.desired.front().role = core::BusinessRoleId("mon"); };
    EXPECT_EQ(summary(world.sync()), "ok: desired 1, kept 1, roles 2, passes 2, requests 5");
    EXPECT_EQ(world.flex.contacts(), Words{"l1 r1 mon"});
}

TEST(Sync, a_call_that_goes_while_flex_is_listed_takes_no_contact_with_it)
{
    World world;
    world.has_on_call("ann", "l1", "r1");
    world.flex.before_listing[1] = [&] { world.store.loses_call(); };
    const core::SyncResult result = world.sync();
    EXPECT_EQ(summary(result), "failed: failed 1, requests 1");
    EXPECT_EQ(notes(result), Words{"sync call_gone -"});
    EXPECT_EQ(world.flex.contacts(), Words{"l1 r1"});
}

TEST(Sync, a_call_that_goes_while_somebody_is_added_takes_no_contact_with_it)
{
    World world;
    world.has_on_call("ann", "l1", "r1");
    world.store.desires("bob", "r2");
    world.flex.after_changes = [&] { world.store.loses_call(); };
    const core::SyncResult result = world.sync();
    EXPECT_EQ(summary(result), "partial: failed 1, passes 1, requests 3");
    EXPECT_EQ(notes(result), Words{"sync call_gone -"});
    EXPECT_EQ(world.flex.contacts(), (Words{"l1 r1", "n1 r2"}));
}

TEST(Sync, a_call_that_goes_while_stale_rows_are_deleted_takes_no_contact_with_it)
{
    World world;
    world.has_on_call("ann", "l1", "r1");
    world.has_on_call("bob", "l2", "r2");
    world.flex.loses("l2");
    world.store.before_read[2] = [&] { world.store.loses_call(); };
    const core::SyncResult result = world.sync();
    EXPECT_EQ(summary(result), "partial: stale 1, failed 1, passes 1, requests 2");
    EXPECT_EQ(world.flex.contacts(), Words{"l1 r1"});
}

TEST(Sync, requests_of_an_earlier_sync_are_not_counted)
{
    World world;
    world.flex.sent = {"list", "list"};
    const core::Policy policy{.deadline = world.clock.now() + world.time_limit};
    EXPECT_EQ(core::synchronise(core::ElementId("e"), policy, world.store, world.flex, world.clock).http_requests, 1);
}

} // namespace
