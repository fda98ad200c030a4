// The calls of flex-api as they go out, and what the client makes of their answers.

#include "flex/client.hpp"
#include "poll_waiter.hpp"
#include "wire_server.hpp"

#include <gtest/gtest.h>

using core::Change;
using core::ElementId;
using core::LineItemId;
using core::Outcome;
using core::ResourceId;
using flex::Client;
using unit::answer;
using unit::WireReply;
using unit::WireRequest;
using unit::WireServer;
using namespace std::chrono_literals;

namespace {

WireServer::Handler always(std::string bytes)
{
    return [bytes = std::move(bytes)](const WireRequest &) { return WireReply{.bytes = bytes}; };
}

/// Answers by method and part of the path.
struct Answers {
    std::string list = answer(200, "[]");
    std::string add = answer(200, R"({"addedResourceLineIds": ["l1"]})");
    std::string role = answer(200);
    std::string remove = answer(204);

    WireReply operator()(const WireRequest &request) const
    {
        const std::string line = request.line();
        return {.bytes = line.starts_with("GET")                            ? list
                         : line.starts_with("DELETE")                       ? remove
                         : line.find("/add-resource/") != std::string::npos ? add
                                                                            : role};
    }
};

/// Of the line that an add is answered with.
bool is_new(const LineItemId &)
{
    return true;
}

core::Changes changes_of(std::vector<Change> list, std::chrono::milliseconds time = 10s)
{
    return {.list = std::move(list), .is_new = is_new, .deadline = std::chrono::steady_clock::now() + time};
}

struct Flex {
    explicit Flex(WireServer::Handler handler, const std::string &base = "/f5/api", int retries = 0,
                  core::RequestBudget *budget = nullptr)
        : server(std::move(handler)), client(server.url(base), with(retries), waiter, budget)
    {
    }

    static flex::HttpOptions with(int retries)
    {
        flex::HttpOptions options;
        options.retries = retries;
        return options;
    }

    core::Listing list(const std::string &element = "e1", std::chrono::milliseconds time = 10s)
    {
        const ElementId id(element);
        return client.list({&id, 1}, std::chrono::steady_clock::now() + time, {}).front();
    }

    core::ChangeResult carry_out(const Change &change, std::chrono::milliseconds time = 10s)
    {
        return client.carry_out(ElementId("e1"), changes_of({change}, time)).list.front();
    }

    std::vector<std::string> lines() const
    {
        std::vector<std::string> lines;
        for (const WireRequest &request : server.requests())
            lines.push_back(request.line());
        return lines;
    }

    unit::PollWaiter waiter;
    WireServer server;
    Client client;
};

Change add(const char *resource = "r1", std::optional<core::BusinessRoleId> role = {})
{
    return {.kind = Change::Kind::Add, .resource = ResourceId(resource), .role = std::move(role)};
}

const core::BusinessRoleId foh("b\"1");

// ---- requests

TEST(Client, a_listing_asks_for_contacts_and_roles_and_defeats_caches)
{
    Flex flex{Answers()};
    EXPECT_EQ(flex.list().answer.outcome, Outcome::Done);
    const std::string line = flex.lines().at(0);
    EXPECT_EQ(
        line.rfind("GET /f5/api/line-item/e1/row-data/?codeList=contact&codeList=business-role&node=root&_dc=", 0), 0u)
        << line;
}

TEST(Client, the_base_url_may_end_in_slashes)
{
    Flex flex(Answers(), "/f5/api//");
    flex.list();
    EXPECT_EQ(flex.lines().at(0).rfind("GET /f5/api/line-item/e1/", 0), 0u);
}

TEST(Client, ids_cannot_leave_their_place_in_the_path)
{
    Flex flex{Answers()};
    flex.list("../../x?y");
    flex.list("..");
    flex.carry_out(add("r/../1"));
    flex.carry_out({.kind = Change::Kind::Delete, .line = LineItemId("../e1/row-data#")});
    const auto lines = flex.lines();
    EXPECT_EQ(lines.at(0).rfind("GET /f5/api/line-item/..%2F..%2Fx%3Fy/row-data/?", 0), 0u) << lines[0];
    EXPECT_EQ(lines.at(1).rfind("GET /f5/api/line-item/%2E%2E/row-data/?", 0), 0u) << lines[1];
    EXPECT_EQ(lines.at(2), "POST /f5/api/line-item/e1/add-resource/r%2F..%2F1 HTTP/1.1");
    EXPECT_EQ(lines.at(3), "DELETE /f5/api/line-item/..%2Fe1%2Frow-data%23 HTTP/1.1");
}

TEST(Client, an_add_sends_the_form_that_flex_takes)
{
    Flex flex{Answers()};
    const core::ChangeResult result = flex.carry_out(add());
    EXPECT_EQ(result.answer.outcome, Outcome::Done);
    EXPECT_EQ(result.line->text(), "l1");
    EXPECT_FALSE(result.role_answer);
    ASSERT_EQ(flex.server.requests().size(), 1u);
    const WireRequest request = flex.server.requests()[0];
    EXPECT_EQ(request.body,
              "resourceParentId=&managedResourceLineItemType=contact&quantity=1&parentLineItemId=&nextSiblingId=");
    EXPECT_TRUE(request.has_header("Content-Type: application/x-www-form-urlencoded; charset=UTF-8"));
}

TEST(Client, a_role_is_sent_as_json)
{
    Flex flex{Answers()};
    EXPECT_EQ(flex.carry_out({.kind = Change::Kind::SetRole, .line = LineItemId("l\\1"), .role = foh}).answer.outcome,
              Outcome::Done);
    ASSERT_EQ(flex.server.requests().size(), 1u);
    const WireRequest request = flex.server.requests()[0];
    EXPECT_EQ(request.line(), "POST /f5/api/line-item/e1/row-data/ HTTP/1.1");
    EXPECT_EQ(request.body, R"({"lineItemId":"l\\1","fieldType":"business-role","payloadValue":"b\"1"})");
    EXPECT_TRUE(request.has_header("Content-Type: application/json"));
}

TEST(Client, the_role_of_an_add_goes_out_with_the_line_that_the_add_made)
{
    Flex flex{Answers()};
    const core::ChangeResult result = flex.carry_out(add("r1", foh));
    EXPECT_EQ(result.line->text(), "l1");
    ASSERT_TRUE(result.role_answer);
    EXPECT_EQ(result.role_answer->outcome, Outcome::Done);
    ASSERT_EQ(flex.lines().size(), 2u);
    EXPECT_NE(flex.server.requests()[1].body.find(R"("lineItemId":"l1")"), std::string::npos);
    EXPECT_EQ(flex.client.requests_sent(), 2);
}

// ---- listings

TEST(Client, several_elements_are_listed_at_once_each_with_its_own_answer)
{
    Flex flex([](const WireRequest &request) {
        const bool is_there = request.line().find("/e2/") != std::string::npos;
        return WireReply{.bytes = is_there ? answer(200, R"([{"id": "l2", "type": "contact"}])") : answer(404)};
    });
    const std::vector<ElementId> elements{ElementId("e1"), ElementId("e2"), ElementId("e3")};
    const auto listings = flex.client.list(elements, std::chrono::steady_clock::now() + 10s, {});
    ASSERT_EQ(listings.size(), 3u);
    EXPECT_EQ(listings[0].answer.code, "not_found");
    EXPECT_EQ(listings[1].answer.outcome, Outcome::Done);
    EXPECT_EQ(listings[1].lines.at(0).id.text(), "l2");
    EXPECT_EQ(listings[2].answer.outcome, Outcome::Refused);
}

TEST(Client, a_listing_that_tells_nothing_has_no_lines)
{
    const std::string row = R"([{"id": "l1", "type": "contact"}])";
    struct Case {
        std::string bytes;
        const char *code;
    };
    for (const Case &it :
         {Case{answer(200, "{}"), "malformed"}, Case{answer(200, ""), "malformed"},
          Case{answer(200, row + "x"), "malformed"}, Case{answer(201, row), "malformed"},
          Case{answer(206, row), "malformed"}, Case{answer(204), "malformed"},
          Case{answer(200, row, "Content-Range: items 0-0/9\r\n"), "malformed"},
          Case{answer(200, row, "Link: <x>; rel=next\r\n"), "malformed"}, Case{answer(202, row), "http_status"},
          Case{answer(503, row), "http_status"}, Case{answer(302, row), "redirect"},
          Case{answer(401, row), "unauthorized"}, Case{answer(429, row), "rate_limited"}}) {
        Flex flex(always(it.bytes));
        const core::Listing listing = flex.list();
        EXPECT_NE(listing.answer.outcome, Outcome::Done) << it.bytes;
        EXPECT_EQ(listing.answer.code, it.code) << it.bytes;
        EXPECT_TRUE(listing.lines.empty()) << it.bytes;
    }
}

/// Two rows, one of them with another nested in it, under a header that counts them.
core::Listing listing_counted_by(const std::string &header)
{
    const std::string rows =
        R"([{"id": "l1", "type": "contact"}, {"id": "l2", "type": "group", "children": [{"id": "l3", "type": "contact"}]}])";
    Flex flex(always(answer(200, rows, header + "\r\n")));
    return flex.list();
}

TEST(Client, a_listing_of_fewer_rows_than_it_should_have_was_cut_short)
{
    for (const char *header : {"X-Total-Count: 4", "x-total-count:\t99 ", "X-Total-Count: 99999999999999999999999",
                               "X-Total-Count: 2\r\nX-Total-Count: 7", "X-Total-Count: many", "X-Total-Count: -1",
                               "X-Total-Count: 2.0", "X-Total-Count: 2, 7", "X-Next-Page: 2"}) {
        const core::Listing listing = listing_counted_by(header);
        EXPECT_EQ(listing.answer.outcome, Outcome::Unknown) << header;
        EXPECT_EQ(listing.answer.code, "malformed") << header;
        EXPECT_EQ(listing.answer.message, "Flex's answer is no listing: it is only part of the list.") << header;
        EXPECT_TRUE(listing.lines.empty()) << header;
    }
}

TEST(Client, a_listing_of_as_many_rows_as_it_should_have_is_whole)
{
    // Some count the nested rows too. Rows that come beside the count are no harm.
    for (const char *header : {"X-Total-Count: 2", "X-Total-Count: 3", "X-Total-Count: 1", "X-Total-Count: 002",
                               "X-Total-Count:", "X-Next-Page:"}) {
        const core::Listing listing = listing_counted_by(header);
        EXPECT_EQ(listing.answer.outcome, Outcome::Done) << header << ": " << listing.answer.message;
        EXPECT_EQ(listing.lines.size(), 3u) << header;
    }
}

TEST(Client, a_listing_of_too_many_lines_is_not_asked_for_again)
{
    std::string body = "[";
    for (int i = 0; i <= 100'000; ++i)
        body += R"({"id":"l)" + std::to_string(i) + R"("},)";
    body.back() = ']';
    Flex flex(always(answer(200, body)));
    const core::Listing listing = flex.list();
    EXPECT_EQ(listing.answer.outcome, Outcome::Unknown);
    EXPECT_EQ(listing.answer.code, "too_large");
    EXPECT_EQ(listing.answer.message, "Flex's answer is no listing: it holds more than 100,000 lines.");
    EXPECT_EQ(flex.client.requests_sent(), 1);
}

TEST(Client, a_listing_without_time_was_not_sent)
{
    Flex flex{Answers()};
    const core::Listing listing = flex.list("e1", 0ms);
    EXPECT_EQ(listing.answer.outcome, Outcome::NotSent);
    EXPECT_EQ(listing.answer.code, "deadline");
    EXPECT_TRUE(flex.lines().empty());
}

// ---- changes

TEST(Client, an_add_that_names_no_line_is_unknown_and_sets_no_role)
{
    for (const char *body : {"", "{}", "<html>", R"({"addedResourceLineIds": []})"}) {
        Answers answers;
        answers.add = answer(200, body);
        Flex flex{answers};
        const core::ChangeResult result = flex.carry_out(add("r1", foh));
        EXPECT_EQ(result.answer.outcome, Outcome::Unknown) << body;
        EXPECT_EQ(result.answer.code, "no_line_id");
        EXPECT_FALSE(result.line);
        EXPECT_EQ(flex.lines().size(), 1u);
    }
}

TEST(Client, an_add_that_is_not_done_sets_no_role)
{
    for (const int status : {202, 302, 400, 401, 409, 429, 500, 503}) {
        Answers answers;
        answers.add = answer(status, R"({"addedResourceLineIds": ["l1"]})");
        Flex flex{answers};
        const core::ChangeResult result = flex.carry_out(add("r1", foh));
        EXPECT_NE(result.answer.outcome, Outcome::Done) << status;
        EXPECT_FALSE(result.line) << status;
        EXPECT_FALSE(result.role_answer) << status;
        EXPECT_EQ(flex.lines().size(), 1u) << status;
    }
}

TEST(Client, an_add_whose_role_is_refused_is_done_all_the_same)
{
    Answers answers;
    answers.role = answer(422);
    Flex flex{answers};
    const core::ChangeResult result = flex.carry_out(add("r1", foh));
    EXPECT_EQ(result.answer.outcome, Outcome::Done);
    EXPECT_EQ(result.line->text(), "l1");
    EXPECT_EQ(result.role_answer->outcome, Outcome::Refused);
    EXPECT_EQ(result.role_answer->http_status, 422);
}

TEST(Client, a_role_that_finds_no_time_leaves_its_add_done)
{
    // The answer to the add comes when there is less time left than a request needs. Where the machine is too slow for
    // that, the add itself times out, and it is tried again.
    Flex flex([](const WireRequest &request) {
        if (request.line().find("/add-resource/") != std::string::npos)
            std::this_thread::sleep_for(194ms);
        return Answers()(request);
    });
    core::ChangeResult result;
    for (int tries = 0; tries < 20 && result.answer.outcome != Outcome::Done; ++tries)
        result = flex.carry_out(add("r1", foh), 200ms);
    ASSERT_EQ(result.answer.outcome, Outcome::Done);
    EXPECT_EQ(result.line->text(), "l1");
    EXPECT_EQ(result.role_answer->outcome, Outcome::NotSent);
}

TEST(Client, a_deletion_of_what_is_gone_is_done)
{
    Answers answers;
    answers.remove = answer(404);
    Flex flex{answers};
    EXPECT_EQ(flex.carry_out({.kind = Change::Kind::Delete, .line = LineItemId("l1")}).answer.outcome, Outcome::Done);
}

TEST(Client, changes_without_time_were_not_sent)
{
    Flex flex{Answers()};
    const std::vector<Change> changes{add(), {.kind = Change::Kind::Delete, .line = LineItemId("l1")}};
    for (const core::ChangeResult &result : flex.client.carry_out(ElementId("e1"), changes_of(changes, -1s)).list) {
        EXPECT_EQ(result.answer.outcome, Outcome::NotSent);
        EXPECT_EQ(result.answer.code, "deadline");
    }
    EXPECT_TRUE(flex.lines().empty());
}

TEST(Client, results_stand_in_the_order_of_the_changes)
{
    Flex flex([](const WireRequest &request) {
        const std::string line = request.line();
        const std::string resource = line.substr(line.rfind('/', line.rfind(' ') - 1) + 1, 2);
        std::this_thread::sleep_for(resource == "r0" ? 60ms : 0ms);
        return WireReply{.bytes = answer(200, R"({"id": "line-of-)" + resource + R"("})")};
    });
    std::vector<Change> changes;
    for (const char *resource : {"r0", "r1", "r2", "r3"})
        changes.push_back(add(resource));
    const core::ChangeResults results = flex.client.carry_out(ElementId("e1"), changes_of(changes));
    EXPECT_EQ(results.requests, 4);
    for (std::size_t i = 0; i < changes.size(); ++i)
        EXPECT_EQ(results.list[i].line->text(), "line-of-r" + std::to_string(i));
}

// ---- repeats

/// Answers so often with something else before it does what it should.
struct AtFirst {
    std::string bytes;
    int times;
    WireReply::Then then = WireReply::Then::Keep;
    std::shared_ptr<std::atomic<int>> seen = std::make_shared<std::atomic<int>>(0);

    WireReply operator()(const WireRequest &request) const
    {
        return (*seen)++ < times ? WireReply{.bytes = bytes, .then = then} : Answers()(request);
    }
};

TEST(Client, a_listing_that_fails_is_asked_for_again)
{
    for (const std::string &bytes : {answer(503), answer(429), answer(200, "{}"), answer(500), answer(202)}) {
        Flex flex(AtFirst{.bytes = bytes, .times = 2}, "/f5/api", 3);
        EXPECT_EQ(flex.list().answer.outcome, Outcome::Done) << bytes;
        EXPECT_EQ(flex.lines().size(), 3u) << bytes;
        EXPECT_EQ(flex.client.repeats(), 2) << bytes;
    }
}

TEST(Client, tries_end_with_the_last_answer)
{
    Flex flex(AtFirst{.bytes = answer(503), .times = 100}, "/f5/api", 2);
    EXPECT_EQ(flex.list().answer.http_status, 503);
    EXPECT_EQ(flex.lines().size(), 3u);
    EXPECT_EQ(flex.client.repeats(), 2);
}

TEST(Client, a_refusal_is_not_repeated)
{
    for (const int status : {400, 401, 403, 404, 422, 302}) {
        Flex flex(AtFirst{.bytes = answer(status), .times = 100}, "/f5/api", 3);
        flex.list();
        EXPECT_EQ(flex.lines().size(), 1u) << status;
    }
}

TEST(Client, an_add_is_repeated_after_too_many_requests_and_not_after_an_answer_that_was_lost)
{
    Flex refused(AtFirst{.bytes = answer(429, "", "Retry-After: 0\r\n"), .times = 2}, "/f5/api", 3);
    EXPECT_EQ(refused.carry_out(add()).line->text(), "l1");
    EXPECT_EQ(refused.lines().size(), 3u);
    for (const std::string &bytes : {answer(503), answer(202), answer(200, "{}"), std::string()}) {
        Flex lost(AtFirst{.bytes = bytes, .times = 1, .then = WireReply::Then::Close}, "/f5/api", 3);
        EXPECT_EQ(lost.carry_out(add()).answer.outcome, Outcome::Unknown) << bytes;
        EXPECT_EQ(lost.lines().size(), 1u) << bytes;
    }
}

TEST(Client, roles_and_deletions_are_repeated)
{
    Flex role(AtFirst{.bytes = answer(503), .times = 1}, "/f5/api", 3);
    EXPECT_EQ(role.carry_out({.kind = Change::Kind::SetRole, .line = LineItemId("l1"), .role = foh}).answer.outcome,
              Outcome::Done);
    EXPECT_EQ(role.lines().size(), 2u);
    Flex remove(AtFirst{.bytes = "", .times = 1, .then = WireReply::Then::Close}, "/f5/api", 3);
    EXPECT_EQ(remove.carry_out({.kind = Change::Kind::Delete, .line = LineItemId("l1")}).answer.outcome, Outcome::Done);
    EXPECT_EQ(remove.lines().size(), 2u);
}

TEST(Client, the_role_of_an_add_is_repeated_and_the_add_is_not)
{
    Flex flex(
        [tries = std::make_shared<std::atomic<int>>(0)](const WireRequest &request) {
            const bool is_role = request.line().find("/row-data/") != std::string::npos;
            return is_role && (*tries)++ < 2 ? WireReply{.bytes = answer(503)} : Answers()(request);
        },
        "/f5/api", 3);
    const core::ChangeResult result = flex.carry_out(add("r1", foh));
    EXPECT_EQ(result.role_answer->outcome, Outcome::Done);
    int adds = 0;
    for (const std::string &line : flex.lines())
        adds += line.find("/add-resource/") != std::string::npos;
    EXPECT_EQ(adds, 1);
    EXPECT_EQ(flex.lines().size(), 4u);
}

TEST(Client, what_is_to_come_back_after_the_deadline_keeps_the_answer_that_it_got)
{
    Flex flex(AtFirst{.bytes = answer(429, "", "Retry-After: 60\r\n"), .times = 100}, "/f5/api", 3);
    const auto begun = std::chrono::steady_clock::now();
    const core::Listing listing = flex.list("e1", 5s);
    EXPECT_EQ(listing.answer.outcome, Outcome::RefusedForNow);
    EXPECT_EQ(listing.answer.retry_after, 60s);
    EXPECT_EQ(flex.lines().size(), 1u);
    EXPECT_EQ(flex.client.repeats(), 0);
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 1s);
}

TEST(Client, a_repeat_that_the_budget_does_not_hold_is_not_made)
{
    struct Budget final : core::RequestBudget {
        std::optional<Refusal> set_aside(int requests) override
        {
            left -= requests;
            return left < 0 ? std::optional(Refusal{.why = "used up", .until = {}}) : std::nullopt;
        }
        int left = 1;
    } budget;
    Flex flex(AtFirst{.bytes = answer(503), .times = 100}, "/f5/api", 3, &budget);
    EXPECT_EQ(flex.list().answer.http_status, 503);
    EXPECT_EQ(flex.lines().size(), 2u);
    EXPECT_EQ(flex.client.repeats(), 1);
}

// ---- several deletions in one request

struct BulkClient {
    /// Flex refuses the first request.
    explicit BulkClient(core::RequestBudget *budget)
        : server(AtFirst{.bytes = answer(405), .times = 1}), client(server.url("/f5/api"), options(), waiter, budget)
    {
    }

    static flex::HttpOptions options()
    {
        flex::HttpOptions options;
        options.bulk_delete = "ids";
        return options;
    }

    core::ChangeResults carry_out()
    {
        core::Changes changes = changes_of({{.kind = Change::Kind::Delete, .line = LineItemId("l1")},
                                            {.kind = Change::Kind::Delete, .line = LineItemId("l2")},
                                            add()});
        changes.deletes_in_bulk = true;
        return client.carry_out(ElementId("e1"), changes);
    }

    unit::PollWaiter waiter;
    WireServer server;
    flex::Client client;
};

struct CountedBudget final : core::RequestBudget {
    std::optional<Refusal> set_aside(int requests) override
    {
        if (requests > left)
            return Refusal{.why = "used up", .until = {}};
        left -= requests;
        return std::nullopt;
    }
    int left = 0;
};

TEST(Client, deletions_that_flex_refuses_in_bulk_go_one_by_one_as_far_as_the_budget_holds_them)
{
    for (const int left : {1, 2}) {
        CountedBudget budget;
        budget.left = left;
        BulkClient flex(&budget);
        const core::ChangeResults carried_out = flex.carry_out();
        const std::vector<core::ChangeResult> &results = carried_out.list;
        EXPECT_EQ(carried_out.requests, left == 2 ? 4 : 2);
        EXPECT_EQ(results[0].answer.outcome, left == 2 ? Outcome::Done : Outcome::Refused);
        EXPECT_EQ(results[1].answer.code, left == 2 ? "" : "request_limit");
        EXPECT_EQ(results[2].answer.outcome, Outcome::Done);
        EXPECT_EQ(budget.left, left == 2 ? 0 : 1);
    }
}

} // namespace
