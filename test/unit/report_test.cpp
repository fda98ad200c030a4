// What a sync says of itself.

#include "core/report.hpp"
#include "world.hpp"

#include <gtest/gtest.h>

using core::Outcome;
using core::SyncResult;
using unit::Fate;
using unit::World;
using namespace std::chrono_literals;

namespace {

/// A sync that leaves so many contacts alone.
SyncResult retaining(std::size_t contacts)
{
    World world;
    world.prune = core::Prune::None;
    for (std::size_t i = 1; i <= contacts; ++i)
        world.flex.shows("l" + std::to_string(i), "r" + std::to_string(i));
    return world.sync();
}

core::Answer busy_answer()
{
    core::Answer answer{.outcome = Outcome::RefusedForNow, .code = "rate_limited", .message = "Flex is busy."};
    answer.http_status = 429;
    return answer;
}

TEST(Report, the_message_counts_what_did_not_succeed)
{
    World world;
    for (const std::string number : {"1", "2"}) {
        world.store.desires("t" + number, "r" + number);
        world.flex.fates["add r" + number] = {Fate::Refused};
    }
    EXPECT_TRUE(world.sync().message.ends_with("; 2 operations did not succeed, see diagnostics."));
    world.flex.fates["add r1"] = {Fate::Refused};
    EXPECT_TRUE(world.sync().message.ends_with("; 1 operation did not succeed, see diagnostics."));
    const SyncResult result = world.sync();
    EXPECT_TRUE(result.message.starts_with("2 technicians are on the crew call: ")) << result.message;
}

TEST(Report, a_failure_that_comes_last_changes_the_message)
{
    SyncResult result{.status = core::Status::Ok};
    core::add_failure(result, {.action = "remember", .code = "57014", .message = "No."});
    EXPECT_EQ(result.status, core::Status::Partial);
    EXPECT_TRUE(result.message.ends_with("; 1 operation did not succeed, see diagnostics."));
}

TEST(Report, an_answer_without_a_status_has_none_in_its_diagnostic)
{
    World world;
    world.store.desires("ann", "r1");
    world.flex.fates["add r1"] = {Fate::NothingDone};
    EXPECT_EQ(world.sync().diagnostics.at(0).http_status, std::nullopt);
}

TEST(Report, a_contact_that_is_left_is_named_by_its_line)
{
    EXPECT_EQ(retaining(1).diagnostics.at(0).line, "l1");
}

TEST(Report, there_are_so_many_diagnostics_and_then_their_number)
{
    EXPECT_EQ(retaining(core::max_diagnostics).diagnostics.size(), core::max_diagnostics);
    const SyncResult one_more = retaining(core::max_diagnostics + 1);
    ASSERT_EQ(one_more.diagnostics.size(), core::max_diagnostics + 1);
    EXPECT_EQ(one_more.diagnostics.back().code, "more_diagnostics");
    EXPECT_TRUE(one_more.diagnostics.back().message.ends_with("; there are 1 more."));
}

TEST(Report, what_failed_comes_before_what_the_plan_says)
{
    World world;
    world.store.desires("ann", "r1");
    world.flex.fates["add r1"] = {Fate::Refused};
    for (std::size_t i = 0; i < core::max_diagnostics + 2; ++i)
        world.store.desires("t" + std::to_string(i), "");
    const SyncResult result = world.sync();
    ASSERT_EQ(result.diagnostics.size(), core::max_diagnostics + 1);
    EXPECT_EQ(result.diagnostics.front().action, "add");
    EXPECT_TRUE(result.diagnostics.back().message.ends_with("; there are 3 more."));
}

TEST(Report, a_listing_that_was_refused_for_now_says_when_to_come_back)
{
    core::Answer answer = busy_answer();
    SyncResult result = core::report_refusal({}, answer, 1);
    EXPECT_EQ(result.message, "The contacts of the crew call could not be listed, and nothing was changed. Flex is "
                              "busy. Try again later.");
    EXPECT_EQ(result.diagnostics.at(0).http_status, 429);
    answer.retry_after = 1500ms;
    answer.http_status = 0;
    result = core::report_refusal({}, answer, 1);
    EXPECT_TRUE(result.message.ends_with(" Flex is busy. Try again in 2 s."));
    EXPECT_EQ(result.diagnostics.at(0).http_status, std::nullopt);
    answer.code = "request_limit";
    EXPECT_EQ(core::report_refusal({}, answer, 1).message, "Nothing was changed. Flex is busy.");
}

TEST(Report, technicians_who_share_a_resource_are_desired_each)
{
    core::Crew crew;
    for (const char *technician : {"ann", "bob"})
        crew.desired.push_back(
            {core::CrewCallId("A"), core::TechnicianId(technician), core::ResourceId("r1"), std::nullopt});
    EXPECT_EQ(core::report_refusal(crew, busy_answer(), 1).counts.desired, 2);
}

} // namespace
