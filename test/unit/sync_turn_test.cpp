// A crew that is listed with others has its turn later: what it acts on must not be as old as its batch.

#include "world.hpp"

#include <gtest/gtest.h>

using unit::summary;
using unit::Words;
using unit::World;
using namespace std::chrono_literals;

namespace {

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

/// A sync that is read and listed, and then waits for its turn.
struct Turn : World {
    core::ElementId element{"element"};
    FakeBudget budget;
    core::Policy policy{.deadline = clock.now() + time_limit, .budget = &budget};
    core::Sync run{policy, store, clock};

    explicit Turn(int requests = 100) { budget.left = requests; }

    /// `meanwhile` happens once the listing is there, and takes so long.
    core::SyncResult after(core::Milliseconds wait, const std::function<void()> &meanwhile = {})
    {
        core::Want want = run.begin();
        if (!std::holds_alternative<core::WantsListing>(want))
            return std::get<core::SyncResult>(std::move(want));
        core::Listing listing = std::move(flex.list({&element, 1}, policy.deadline, [&] { run.meanwhile(); }).front());
        clock.pass(wait);
        if (meanwhile)
            meanwhile();
        return core::carry_through(run, run.listed(std::move(listing)), element, flex, clock);
    }
};

TEST(Turn, a_listing_of_two_seconds_ago_is_acted_on)
{
    Turn turn;
    turn.has_on_call("ann", "l1", "r1");
    EXPECT_EQ(summary(turn.after(1800ms)), "ok: desired 1, kept 1, passes 1, requests 1");
}

TEST(Turn, an_older_one_is_asked_for_again)
{
    Turn turn;
    turn.has_on_call("ann", "l1", "r1");
    EXPECT_EQ(summary(turn.after(1801ms, [&] { turn.flex.loses("l1"); })),
              "ok: desired 1, added 1, stale 1, passes 1, requests 5");
}

TEST(Turn, a_listing_that_flex_took_long_for_is_as_good_as_another)
{
    Turn turn;
    turn.has_on_call("ann", "l1", "r1");
    turn.flex.latency = 5s;
    EXPECT_EQ(summary(turn.after(250ms)), "ok: desired 1, kept 1, passes 1, requests 1");
}

TEST(Turn, but_not_for_long)
{
    Turn turn;
    turn.has_on_call("ann", "l1", "r1");
    turn.flex.latency = 5s;
    EXPECT_EQ(summary(turn.after(251ms)), "ok: desired 1, kept 1, passes 1, requests 2");
}

TEST(Turn, whoever_was_withdrawn_before_it_is_not_called)
{
    Turn turn;
    turn.store.desires("ann", "r1");
    EXPECT_EQ(summary(turn.after(100ms, [&] { turn.store.withdraws("ann"); })), "ok: passes 1, requests 1");
    EXPECT_EQ(turn.flex.sent, Words{"list"});
}

TEST(Turn, a_crew_that_is_as_it_was_is_not_read_again)
{
    Turn turn;
    turn.has_on_call("ann", "l1", "r1");
    turn.after(100ms);
    EXPECT_EQ(turn.store.reads, 1);
}

TEST(Turn, a_listing_that_failed_is_not_asked_for_again_for_its_age)
{
    Turn turn;
    turn.has_on_call("ann", "l1", "r1");
    turn.flex.pages = {unit::Page::Refused};
    EXPECT_EQ(summary(turn.after(5s)), "failed: desired 1, failed 1, requests 1");
}

TEST(Turn, without_requests_for_another_listing_the_sync_is_deferred)
{
    Turn turn(1);
    turn.has_on_call("ann", "l1", "r1");
    turn.store.withdraws("ann");
    EXPECT_EQ(summary(turn.after(5s)), "deferred: failed 1, requests 1");
    EXPECT_EQ(turn.flex.contacts(), Words{"l1 r1"});
}

} // namespace
