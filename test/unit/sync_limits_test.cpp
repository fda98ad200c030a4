// What keeps a sync from doing what it cannot finish: rows that a rehearsal refuses, and request limits.

#include "world.hpp"

#include <gtest/gtest.h>

using unit::notes;
using unit::Page;
using unit::summary;
using unit::Words;
using unit::World;
using unit::WorldOfSix;
using namespace std::chrono_literals;

namespace {

TEST(Sync, nobody_is_called_whose_row_a_rehearsal_refuses)
{
    World world;
    world.store.desires("ann", "r1");
    world.store.desires("bob", "r2");
    world.store.refused_early["A/ann"] = "23503";
    const core::SyncResult result = world.sync();
    EXPECT_EQ(summary(result), "partial: desired 2, added 1, failed 1, passes 1, requests 3");
    EXPECT_EQ(notes(result), Words{"add 23503 ann"});
    EXPECT_EQ(world.flex.contacts(), Words{"n1 r2"});
}

TEST(Sync, a_shared_contact_is_added_for_whoever_can_have_a_row)
{
    World world;
    world.store.desires("ann", "r1");
    world.store.desires("bob", "r1");
    world.store.refused_early["A/ann"] = "23503";
    EXPECT_EQ(summary(world.sync()), "partial: desired 2, adopted 1, failed 1, passes 1, requests 3");
    EXPECT_EQ(world.store.rows(), Words{"bob n1"});
}

TEST(Sync, a_contact_stays_whose_row_cannot_go)
{
    World world;
    world.has_on_call("ann", "l1", "r1");
    world.store.has_row("bob", "l1");
    world.store.withdraws("ann");
    world.store.refused_early["A/ann"] = "23503";
    const core::SyncResult result = world.sync();
    EXPECT_EQ(summary(result), "partial: failed 1, passes 1, requests 1");
    EXPECT_EQ(notes(result), Words{"remove 23503 ann"});
    EXPECT_EQ(world.flex.contacts(), Words{"l1 r1"});
    EXPECT_EQ(world.store.rows(), (Words{"ann l1", "bob l1"}));
}

struct FakeBudget : core::RequestBudget {
    int left = 0;

    std::optional<Refusal> set_aside(int requests) override
    {
        if (requests > left)
            return Refusal{"The limit is used up.", 10min};
        left -= requests;
        return std::nullopt;
    }
};

core::SyncResult sync_with(World &world, FakeBudget &budget)
{
    const core::Policy policy{.deadline = world.clock.now() + world.time_limit, .budget = &budget};
    world.flex.sent.clear();
    return core::synchronise(core::ElementId("element"), policy, world.store, world.flex, world.clock);
}

TEST(Sync, a_sync_that_does_not_fit_the_limit_changes_nothing)
{
    World world;
    world.store.desires("ann", "r1", "foh");
    world.has_on_call("bob", "l2", "r2");
    world.flex.loses("l2");
    for (const int left : {0, 1, 5}) {
        FakeBudget budget;
        budget.left = left;
        const core::SyncResult result = sync_with(world, budget);
        EXPECT_EQ(core::name_of(result.status), "deferred");
        EXPECT_EQ(result.http_requests, left == 0 ? 0 : 1);
        EXPECT_EQ(result.retry_after, core::Milliseconds(10min));
        EXPECT_EQ(world.store.rows(), Words{"bob l2"});
    }
    FakeBudget budget;
    budget.left = 6;
    EXPECT_EQ(summary(sync_with(world, budget)), "ok: desired 2, added 2, stale 1, roles 1, passes 1, requests 6");
    EXPECT_EQ(budget.left, 0);
}

TEST(Sync, a_second_pass_that_does_not_fit_the_limit_makes_the_sync_partial)
{
    World world;
    world.store.desires("ann", "r1");
    world.flex.after_changes = [&] { world.store.desires("bob", "r2"); };
    FakeBudget budget;
    budget.left = 4;
    const core::SyncResult result = sync_with(world, budget);
    EXPECT_EQ(summary(result), "partial: desired 2, added 1, failed 1, passes 1, requests 3");
    EXPECT_EQ(notes(result), Words{"list request_limit -"});
}

TEST(Sync, a_contact_is_not_taken_out_again_beyond_the_limit)
{
    World world;
    world.store.desires("ann", "r1");
    world.store.refused["A/ann"] = "23503";
    FakeBudget budget;
    budget.left = 3;
    EXPECT_EQ(summary(sync_with(world, budget)), "partial: desired 1, failed 1, passes 1, requests 3");
    EXPECT_EQ(world.flex.contacts(), Words{"n1 r1"});
}

TEST(Sync, a_second_look_is_taken_only_where_what_it_is_about_would_fit)
{
    for (const bool is_true : {true, false}) {
        WorldOfSix world;
        for (const char *line : {"l1", "l2", "l3"})
            if (is_true)
                world.flex.loses(line);
        for (const int left : {1, 2, 5}) {
            if (!is_true)
                world.flex.pages = {Page::Tail};
            FakeBudget budget;
            budget.left = left;
            const core::SyncResult result = sync_with(world, budget);
            EXPECT_EQ(core::name_of(result.status), "deferred");
            EXPECT_EQ(result.http_requests, 1);
            EXPECT_EQ(notes(result), Words{"list request_limit -"});
        }
        if (!is_true)
            world.flex.pages = {Page::Tail};
        FakeBudget budget;
        budget.left = 6;
        EXPECT_EQ(summary(sync_with(world, budget)),
                  is_true ? "ok: desired 6, kept 3, added 3, stale 3, passes 1, requests 6"
                          : "ok: desired 6, kept 6, passes 1, requests 2");
        EXPECT_EQ(budget.left, 0);
    }
}

TEST(Sync, a_sync_that_never_fits_says_so)
{
    struct SmallBudget final : core::RequestBudget {
        std::optional<Refusal> set_aside(int requests) override
        {
            return requests > 1 ? std::optional(Refusal{"It never fits.", 1h, true}) : std::nullopt;
        }
    } budget;
    World world;
    world.store.desires("ann", "r1");
    const core::Policy policy{.deadline = world.clock.now() + world.time_limit, .budget = &budget};
    const core::SyncResult result =
        core::synchronise(core::ElementId("element"), policy, world.store, world.flex, world.clock);
    EXPECT_TRUE(result.never_fits);
    EXPECT_EQ(core::name_of(result.status), "deferred");
    EXPECT_EQ(result.message, "Nothing was changed. It never fits.");
    EXPECT_EQ(notes(result), Words{"list never_fits -"});
}

TEST(Sync, deletions_in_bulk_are_one_request_of_the_limit)
{
    for (const int contacts : {2, 3}) {
        World world;
        for (int i = 1; i <= contacts; ++i)
            world.flex.shows("l" + std::to_string(i), "r" + std::to_string(i));
        FakeBudget budget;
        budget.left = 3;
        const core::Policy policy{
            .deadline = world.clock.now() + world.time_limit, .budget = &budget, .deletes_in_bulk = true};
        const core::SyncResult result =
            core::synchronise(core::ElementId("element"), policy, world.store, world.flex, world.clock);
        EXPECT_EQ(core::name_of(result.status), "ok");
        EXPECT_EQ(result.counts.pruned, contacts);
        EXPECT_EQ(budget.left, 0);
    }
}

TEST(Sync, a_sync_with_nothing_to_do_takes_one_request_of_the_limit)
{
    World world;
    world.has_on_call("ann", "l1", "r1");
    FakeBudget budget;
    budget.left = 1;
    EXPECT_EQ(summary(sync_with(world, budget)), "ok: desired 1, kept 1, passes 1, requests 1");
    EXPECT_EQ(budget.left, 0);
}

TEST(Sync, each_further_look_takes_a_request_of_the_limit)
{
    World world;
    world.store.desires("ann", "r1");
    world.flex.fates["add r1"] = {unit::Fate::NeverShown};
    FakeBudget budget;
    budget.left = 3;
    EXPECT_EQ(sync_with(world, budget).http_requests, 3);
    EXPECT_EQ(budget.left, 0);
}

TEST(Sync, a_row_that_a_rehearsal_refuses_adopts_nothing)
{
    World world;
    world.store.desires("ann", "r1");
    world.flex.shows("l1", "r1");
    world.store.refused_early["A/ann"] = "23503";
    EXPECT_EQ(notes(world.sync()), Words{"adopt 23503 ann"});
    EXPECT_EQ(world.store.rows(), Words{});
}

} // namespace
