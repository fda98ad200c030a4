// Rows that cannot be written, and what is remembered.

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

TEST(Sync, a_contact_whose_row_will_never_be_written_is_taken_out_again)
{
    for (const char *sqlstate : {"22001", "23503", "P0001"}) {
        World world;
        world.store.desires("ann", "r1");
        world.store.desires("bob", "r2");
        world.store.refused["A/ann"] = sqlstate;
        const core::SyncResult result = world.sync();
        EXPECT_EQ(summary(result), "partial: desired 2, added 1, failed 1, passes 1, requests 5");
        EXPECT_EQ(notes(result), Words{"add " + std::string(sqlstate) + " ann"});
        EXPECT_EQ(world.flex.contacts(), Words{"n2 r2"});
        EXPECT_EQ(world.store.rows(), Words{"bob n2"});
        EXPECT_EQ(world.store.memory(), Words{"n2 r2 shown"});
    }
}

TEST(Sync, a_contact_whose_row_may_be_written_later_stays_and_is_adopted_by_the_next_sync)
{
    for (const char *sqlstate : {"40P01", "55P03"}) {
        World world;
        world.store.desires("ann", "r1");
        world.store.refused["A/ann"] = sqlstate;
        EXPECT_EQ(summary(world.sync()), "partial: desired 1, failed 1, passes 1, requests 3");
        EXPECT_EQ(world.flex.contacts(), Words{"n1 r1"});
        world.store.refused.clear();
        EXPECT_EQ(summary(world.sync()), "ok: desired 1, adopted 1, passes 1, requests 1");
    }
}

TEST(Sync, a_contact_that_somebody_else_has_a_row_for_is_not_taken_out)
{
    World world;
    world.store.desires("ann", "r1");
    world.store.desires("bob", "r1");
    world.store.refused["A/ann"] = "23503";
    EXPECT_EQ(summary(world.sync()), "partial: desired 2, adopted 1, failed 1, passes 1, requests 3");
    EXPECT_EQ(world.flex.contacts(), Words{"n1 r1"});
    EXPECT_EQ(world.store.rows(), Words{"bob n1"});
}

TEST(Sync, a_lost_add_that_is_found_is_taken_out_again_too)
{
    World world;
    world.store.desires("ann", "r1");
    world.store.refused["A/ann"] = "23503";
    world.flex.fates["add r1"] = {Fate::LostAfter};
    EXPECT_EQ(summary(world.sync()), "partial: desired 1, failed 1, passes 2, requests 5");
    EXPECT_EQ(world.flex.contacts(), Words{});
}

TEST(Sync, a_contact_that_was_there_is_not_taken_out)
{
    World world;
    world.store.desires("ann", "r1");
    world.store.refused["A/ann"] = "23503";
    world.flex.shows("l1", "r1");
    const core::SyncResult result = world.sync();
    EXPECT_EQ(summary(result), "partial: desired 1, failed 1, passes 1, requests 1");
    EXPECT_EQ(notes(result), Words{"adopt 23503 ann"});
    EXPECT_EQ(world.flex.contacts(), Words{"l1 r1"});
}

TEST(Sync, a_contact_that_cannot_be_taken_out_is_reported_beside_its_row)
{
    World world;
    world.store.desires("ann", "r1");
    world.store.refused["A/ann"] = "23503";
    world.flex.fates["delete n1"] = {Fate::Refused};
    const core::SyncResult result = world.sync();
    EXPECT_EQ(summary(result), "partial: desired 1, failed 2, passes 1, requests 4");
    EXPECT_EQ(notes(result), (Words{"remove http_status r1", "add 23503 ann"}));
}

TEST(Sync, contacts_taken_out_again_do_not_count_as_removals)
{
    World world;
    world.max_removals = 0;
    world.store.desires("ann", "r1");
    world.store.refused["A/ann"] = "23503";
    world.flex.after_changes = [&] { world.store.desires("bob", "r2"); };
    EXPECT_EQ(summary(world.sync()), "partial: desired 2, added 1, failed 1, passes 2, requests 6");
}

TEST(Sync, a_row_that_cannot_be_deleted_after_its_contact_is_a_diagnostic)
{
    World world;
    world.has_on_call("ann", "l1", "r1");
    world.store.withdraws("ann");
    world.store.refused["A/ann"] = "P0001";
    const core::SyncResult result = world.sync();
    EXPECT_EQ(summary(result), "partial: removed 1, failed 1, passes 1, requests 3");
    EXPECT_EQ(notes(result), Words{"remove P0001 ann"});
    EXPECT_EQ(world.store.rows(), Words{"ann l1"});
}

TEST(Sync, a_stale_row_that_cannot_be_deleted_is_a_diagnostic_and_the_rest_is_done)
{
    World world;
    world.has_on_call("ann", "l1", "r1");
    world.has_on_call("out", "l2", "r2");
    world.store.withdraws("out");
    world.store.desires("new", "r3");
    world.flex.loses("l2");
    for (auto *refused : {&world.store.refused, &world.store.refused_early}) {
        *refused = {{"A/out", "23503"}};
        const core::SyncResult result = world.sync();
        EXPECT_EQ(notes(result), Words{"forget 23503 out"});
        EXPECT_EQ(result.status, core::Status::Partial);
        EXPECT_EQ(world.store.rows(), (Words{"ann l1", "new n1", "out l2"}));
        refused->clear();
    }
    EXPECT_EQ(summary(world.sync()), "ok: desired 2, kept 2, stale 1, passes 1, requests 1");
}

TEST(Sync, a_stale_row_that_cannot_be_deleted_is_mapped_anew_for_whoever_is_still_desired)
{
    World world;
    world.has_on_call("ann", "l1", "r1");
    world.flex.loses("l1");
    world.store.refused_early["A/ann"] = "23503";
    world.flex.after_changes = [&] { world.store.refused_early.clear(); };
    const core::SyncResult result = world.sync();
    EXPECT_EQ(notes(result), (Words{"forget 23503 ann", "add 23503 ann"}));
    world.store.refused_early.clear();
    EXPECT_EQ(summary(world.sync()), "ok: desired 1, added 1, stale 1, passes 1, requests 4");
}

TEST(Sync, a_stale_row_that_cannot_be_deleted_is_a_diagnostic_once_something_is_sent)
{
    World world;
    world.has_on_call("ann", "l1", "r1");
    world.store.refused["A/ann"] = "P0001";
    world.store.desires("bob", "r2");
    world.flex.after_changes = [&] { world.flex.loses("l1"); };
    const core::SyncResult result = world.sync();
    EXPECT_EQ(core::name_of(result.status), "partial");
    EXPECT_EQ(notes(result).front(), "forget P0001 ann");
    EXPECT_EQ(result.counts.stale, 0);
}

// ---- what is remembered

TEST(Sync, a_contact_that_shows_another_resource_than_was_asked_for_is_kept_by_the_next_sync)
{
    World world;
    world.store.desires("ann", "asked");
    world.flex.shows_as = "shown";
    EXPECT_EQ(summary(world.sync()), "ok: desired 1, added 1, passes 1, requests 3");
    EXPECT_EQ(summary(world.sync()), "ok: desired 1, kept 1, passes 1, requests 1");
    EXPECT_EQ(world.store.memory(), Words{"n1 asked shown"});
}

TEST(Sync, a_contact_that_waits_to_be_shown_does_not_disturb_an_add_beside_it)
{
    World world;
    for (int i = 0; i < 4; ++i) {
        const std::string n = std::to_string(i);
        world.store.desires("t" + n, "r" + n);
        world.store.has_row("t" + n, "l" + n);
        world.store.note({.line = core::LineItemId("l" + n), .asked = core::ResourceId("r" + n)}, world.clock.now());
    }
    world.store.withdraws("t0");
    world.store.loses_row("t1");
    world.store.desires("new1", "r8");
    world.store.desires("new2", "r9");
    const core::SyncResult result = world.sync();
    EXPECT_EQ(summary(result),
              "partial: desired 5, kept 2, adopted 1, added 2, removed 1, failed 3, passes 1, requests 5");
    EXPECT_EQ(world.store.rows(), (Words{"new1 n1", "new2 n2", "t1 l1", "t2 l2", "t3 l3"}));
}

TEST(Sync, a_line_that_is_gone_is_not_remembered_after_a_sync_that_ends_well)
{
    World world;
    world.has_on_call("ann", "l1", "r1");
    world.flex.loses("l1");
    world.sync();
    EXPECT_EQ(world.store.memory(), Words{"n1 r1 shown"});
}

TEST(Sync, a_line_that_a_listing_showed_is_remembered_as_shown_though_no_row_names_it)
{
    World world;
    world.prune = core::Prune::None;
    world.store.desires("ann", "r1");
    world.flex.pages = {Page::Whole, Page::Slow};
    world.sync();
    world.store.withdraws("ann");
    world.store.loses_row("ann");
    world.sync();
    EXPECT_EQ(world.store.memory(), Words{"n1 r1 shown"});
}

} // namespace
