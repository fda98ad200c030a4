// A sync as whoever drives it sees it: what it wants next, and what it makes of what came of that.

#include "world.hpp"

#include <gtest/gtest.h>

using core::Change;
using core::LineItemId;
using core::Outcome;
using core::Sync;
using core::SyncResult;
using core::Want;
using core::WantsListing;
using core::WantsPause;
using unit::summary;
using unit::Words;
using unit::World;
using unit::WorldOfSix;
using namespace std::chrono_literals;

namespace {

/// A sync whose wants the test fulfils by itself.
struct ByHand : World {
    core::Policy policy{.deadline = clock.now() + 30s};
    Sync sync_by_hand{policy, store, clock};

    core::Listing listing(std::vector<core::Line> lines)
    {
        return {.answer = {.outcome = Outcome::Done, .http_status = 200},
                .lines = std::move(lines),
                .requests = 1,
                .asked_at = clock.now()};
    }
};

core::Line contact(const std::string &line, const std::string &resource)
{
    return {.id = LineItemId(line), .resource = core::ResourceId(resource)};
}

core::ChangeResults done(std::optional<LineItemId> line = std::nullopt)
{
    return {.list = {{.answer = {.outcome = Outcome::Done, .http_status = 200}, .line = std::move(line)}},
            .requests = 1};
}

TEST(Wants, a_listing_then_changes_then_a_closing_listing_and_it_has_ended)
{
    ByHand world;
    Sync &sync = world.sync_by_hand;
    world.store.desires("ann", "r1");
    Want want = sync.begin();
    ASSERT_TRUE(std::holds_alternative<WantsListing>(want));
    EXPECT_EQ(std::get<WantsListing>(want).deadline, world.policy.deadline);
    want = sync.listed(world.listing({}));
    ASSERT_TRUE(std::holds_alternative<core::Changes>(want));
    const auto &changes = std::get<core::Changes>(want);
    ASSERT_EQ(changes.list.size(), 1u);
    EXPECT_EQ(changes.list[0].kind, Change::Kind::Add);
    EXPECT_EQ(changes.list[0].resource, core::ResourceId("r1"));
    EXPECT_LT(changes.deadline, world.policy.deadline) << "the closing listing needs time";
    want = sync.changed(done(LineItemId("n1")));
    ASSERT_TRUE(std::holds_alternative<WantsListing>(want));
    EXPECT_EQ(world.store.rows(), Words{"ann n1"}) << "what is done is written down before Flex is asked again";
    want = sync.listed(world.listing({contact("n1", "r1")}));
    ASSERT_TRUE(std::holds_alternative<SyncResult>(want));
    EXPECT_EQ(summary(std::get<SyncResult>(want)), "ok: desired 1, added 1, passes 1, requests 3");
}

TEST(Wants, nothing_more_where_the_listing_shows_the_crew)
{
    ByHand world;
    world.has_on_call("ann", "l1", "r1");
    world.sync_by_hand.begin();
    const Want want = world.sync_by_hand.listed(world.listing({contact("l1", "r1")}));
    ASSERT_TRUE(std::holds_alternative<SyncResult>(want));
    EXPECT_EQ(summary(std::get<SyncResult>(want)), "ok: desired 1, kept 1, passes 1, requests 1");
}

TEST(Wants, a_pause_where_only_time_and_a_listing_can_tell)
{
    ByHand world;
    Sync &sync = world.sync_by_hand;
    world.store.desires("ann", "r1");
    sync.begin();
    sync.listed(world.listing({}));
    Want want = sync.changed({.list = {{.answer = {.outcome = Outcome::Unknown, .code = "timeout"}}}, .requests = 1});
    ASSERT_TRUE(std::holds_alternative<WantsListing>(want));
    want = sync.listed(world.listing({}));
    ASSERT_TRUE(std::holds_alternative<WantsPause>(want));
    EXPECT_EQ(std::get<WantsPause>(want).duration, 2000ms) << "I5";
    world.clock.pass(2000ms);
    want = sync.paused();
    ASSERT_TRUE(std::holds_alternative<WantsListing>(want));
    want = sync.listed(world.listing({contact("n1", "r1")}));
    ASSERT_TRUE(std::holds_alternative<SyncResult>(want));
    EXPECT_EQ(summary(std::get<SyncResult>(want)), "ok: desired 1, added 1, passes 2, requests 4");
}

TEST(Wants, an_add_may_be_answered_with_a_line_that_was_not_there_once)
{
    ByHand world;
    world.has_on_call("ann", "l1", "r1");
    world.store.desires("bob", "r2");
    world.store.has_row("cid", "l9");
    world.sync_by_hand.begin();
    const Want want = world.sync_by_hand.listed(world.listing({contact("l1", "r1")}));
    const auto &changes = std::get<core::Changes>(want);
    EXPECT_FALSE(changes.is_new(LineItemId("l1"))) << "listed";
    EXPECT_TRUE(changes.is_new(LineItemId("n1")));
    EXPECT_FALSE(changes.is_new(LineItemId("n1"))) << "another add's";
}

TEST(Wants, nothing_but_a_listing_where_it_only_plans)
{
    World world;
    world.store.desires("ann", "r1");
    world.flex.shows("l2", "r2");
    const core::Policy policy{.deadline = world.clock.now() + 30s, .only_plans = true};
    Sync sync(policy, world.store, world.clock);
    core::carry_through(sync, sync.begin(), core::ElementId("element"), world.flex, world.clock);
    EXPECT_EQ(world.flex.sent, Words{"list"});
    EXPECT_EQ(sync.last_listing().outcome, Outcome::Done);
    EXPECT_EQ(sync.picture().lines().size(), 1u);
    ASSERT_EQ(sync.picture().plan().steps.size(), 2u);
    EXPECT_EQ(sync.picture().plan().steps[0].action, core::Action::Prune);
    EXPECT_EQ(sync.picture().plan().steps[1].action, core::Action::Add);
    EXPECT_EQ(world.store.rows_written, 0);
}

TEST(Wants, a_plan_of_a_listing_in_doubt_is_made_of_the_second)
{
    WorldOfSix world;
    world.flex.pages = {unit::Page::Hole};
    const core::Policy policy{.deadline = world.clock.now() + 30s, .only_plans = true};
    Sync sync(policy, world.store, world.clock);
    core::carry_through(sync, sync.begin(), core::ElementId("element"), world.flex, world.clock);
    EXPECT_EQ(world.flex.sent, (Words{"list", "list"}));
    for (const core::Step &step : sync.picture().plan().steps)
        EXPECT_EQ(step.action, core::Action::Keep);
}

TEST(Wants, deletions_in_bulk_once_and_what_is_still_shown_one_by_one)
{
    WorldOfSix world;
    world.deletes_in_bulk = true;
    world.max_removals = 6;
    for (const char *technician : {"t1", "t2", "t3"})
        world.store.withdraws(technician);
    world.flex.fates["delete many"] = {unit::Fate::LostBefore};
    EXPECT_EQ(summary(world.sync()), "ok: desired 3, kept 3, removed 3, passes 2, requests 7");
    EXPECT_EQ(world.flex.sent, (Words{"list", "delete many", "list", "delete l1", "delete l2", "delete l3", "list"}));
}

TEST(Wants, a_single_deletion_by_itself)
{
    WorldOfSix world;
    world.deletes_in_bulk = true;
    world.store.withdraws("t1");
    EXPECT_EQ(summary(world.sync()), "ok: desired 5, kept 5, removed 1, passes 1, requests 3");
    EXPECT_EQ(world.flex.sent, (Words{"list", "delete l1", "list"}));
}

TEST(Wants, an_add_cannot_be_answered_with_a_line_that_was_there_before)
{
    ByHand world;
    Sync &sync = world.sync_by_hand;
    world.store.desires("ann", "r1");
    world.store.note({.line = LineItemId("l8"), .asked = core::ResourceId("r8"), .was_shown = true},
                     world.clock.now() - std::chrono::hours(5));
    sync.begin();
    const Want want = sync.listed(world.listing({contact("l9", "r9")}));
    ASSERT_TRUE(std::holds_alternative<core::Changes>(want));
    auto is_new = std::get<core::Changes>(want).is_new;
    EXPECT_FALSE(is_new(LineItemId("l9"))) << "it is listed";
    EXPECT_FALSE(is_new(LineItemId("l8"))) << "it is remembered";
    EXPECT_TRUE(is_new(LineItemId("n1")));
    EXPECT_FALSE(is_new(LineItemId("n1"))) << "it answered another add";
}

} // namespace
