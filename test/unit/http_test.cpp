// What goes over the wire and what comes back, against a server that a test controls byte by byte.

#include "flex/http.hpp"
#include "poll_waiter.hpp"
#include "wire_server.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <thread>
#include <utility>

using flex::Http;
using flex::HttpOptions;
using flex::Request;
using flex::Response;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using unit::answer;
using unit::WireReply;
using unit::WireRequest;
using unit::WireServer;
using namespace std::chrono_literals;

namespace {

HttpOptions options()
{
    HttpOptions it;
    it.token = "secret-token";
    return it;
}

core::TimePoint in(milliseconds time)
{
    return steady_clock::now() + time;
}

Request add_request(const std::string &url)
{
    return {.method = Request::Method::Post,
            .url = url,
            .body = "quantity=1",
            .content_type = "text/x-form",
            .is_repeatable = false};
}

/// The responses by index; none where a request was not sent.
std::vector<std::optional<Response>> perform(Http &http, std::vector<Request> requests, milliseconds time = 10s)
{
    std::vector<std::optional<Response>> responses(requests.size());
    std::vector<int> told(requests.size());
    http.perform(
        std::move(requests), in(time),
        [&](std::size_t index, const Response &response) -> std::optional<Http::Next> {
            ++told[index];
            responses[index] = response;
            return std::nullopt;
        },
        [&](std::size_t index) { ++told[index]; });
    EXPECT_EQ(told, std::vector<int>(told.size(), 1)) << "each request is told of once";
    return responses;
}

Response perform_one(Http &http, Request request, milliseconds time = 10s)
{
    std::vector<Request> requests;
    requests.push_back(std::move(request));
    return perform(http, std::move(requests), time)[0].value_or(Response{.result = CURLE_FAILED_INIT});
}

std::vector<Request> many(const WireServer &server, int count)
{
    std::vector<Request> requests;
    for (int i = 0; i < count; ++i)
        requests.push_back({.url = server.url("/" + std::to_string(i))});
    return requests;
}

WireServer::Handler always(std::string bytes, WireReply::Then then = WireReply::Then::Keep)
{
    return [bytes = std::move(bytes), then](const WireRequest &) { return WireReply{.bytes = bytes, .then = then}; };
}

std::size_t open_descriptors()
{
    std::size_t count = 0;
    for ([[maybe_unused]] const auto &entry : std::filesystem::directory_iterator("/proc/self/fd"))
        ++count;
    return count;
}

// ---- what is sent

TEST(Http, a_request_carries_the_token_and_asks_for_no_confirmation)
{
    WireServer server(always(answer(200, "[]")));
    unit::PollWaiter waiter;
    Http http(options(), waiter);
    const Response response = perform_one(http, {.url = server.url("/x/../y?z=%2F")});
    EXPECT_EQ(response.result, CURLE_OK);
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "[]");
    EXPECT_EQ(response.sends, 1);
    ASSERT_EQ(server.requests().size(), 1u);
    const WireRequest request = server.requests()[0];
    EXPECT_EQ(request.line(), "GET /x/../y?z=%2F HTTP/1.1");
    EXPECT_TRUE(request.has_header("X-Auth-Token: secret-token"));
    EXPECT_TRUE(request.has_header("X-Requested-With: XMLHttpRequest"));
    EXPECT_TRUE(request.has_header("Accept: */*"));
    EXPECT_TRUE(request.has_header("Accept-Encoding: gzip"));
    EXPECT_FALSE(request.has_header_named("Expect"));
}

TEST(Http, a_body_goes_out_with_its_type_and_a_deletion_has_none)
{
    WireServer server(always(answer(200)));
    unit::PollWaiter waiter;
    Http http(options(), waiter);
    perform_one(http, add_request(server.url("/add")));
    perform_one(http, {.method = Request::Method::Post, .url = server.url("/empty")});
    perform_one(http, {.method = Request::Method::Delete, .url = server.url("/line")});
    perform_one(http, {.method = Request::Method::Delete, .url = server.url("/bulk"), .body = "ids=1"});
    const auto requests = server.requests();
    ASSERT_EQ(requests.size(), 4u);
    EXPECT_EQ(requests[0].line(), "POST /add HTTP/1.1");
    EXPECT_EQ(requests[0].body, "quantity=1");
    EXPECT_TRUE(requests[0].has_header("Content-Type: text/x-form"));
    EXPECT_EQ(requests[1].line(), "POST /empty HTTP/1.1");
    EXPECT_TRUE(requests[1].has_header("Content-Length: 0"));
    EXPECT_EQ(requests[2].line(), "DELETE /line HTTP/1.1");
    EXPECT_FALSE(requests[2].has_header_named("Content-Length"));
    EXPECT_EQ(requests[3].line(), "DELETE /bulk HTTP/1.1");
    EXPECT_EQ(requests[3].body, "ids=1");
}

TEST(Http, a_large_body_goes_out_without_a_pause)
{
    WireServer server(always(answer(200)));
    unit::PollWaiter waiter;
    Http http(options(), waiter);
    Request request = add_request(server.url());
    request.body = std::string(2 << 20, 'x');
    const auto begun = steady_clock::now();
    EXPECT_EQ(perform_one(http, std::move(request)).status, 200);
    EXPECT_LT(steady_clock::now() - begun, 900ms);
    EXPECT_EQ(server.requests().at(0).body.size(), 2u << 20);
}

TEST(Http, a_token_that_flex_refreshed_is_used_from_then_on)
{
    WireServer server([](const WireRequest &request) {
        return WireReply{
            .bytes = answer(200, "", request.on_connection == 1 ? "x-auth-token-refreshed:  new-token \r\n" : "")};
    });
    unit::PollWaiter waiter;
    Http http(options(), waiter);
    for (int i = 0; i < 3; ++i)
        perform_one(http, {.url = server.url()});
    const auto requests = server.requests();
    ASSERT_EQ(requests.size(), 3u);
    EXPECT_TRUE(requests[0].has_header("X-Auth-Token: secret-token"));
    EXPECT_TRUE(requests[1].has_header("X-Auth-Token: new-token"));
    EXPECT_TRUE(requests[2].has_header("X-Auth-Token: new-token"));
}

TEST(Http, the_environments_proxy_is_ignored)
{
    WireServer proxy(always(answer(200)));
    WireServer server(always(answer(200)));
    for (const char *name : {"http_proxy", "all_proxy", "ALL_PROXY"})
        setenv(name, proxy.url().c_str(), 1);
    unit::PollWaiter waiter;
    Http http(options(), waiter);
    perform_one(http, {.url = server.url()});
    for (const char *name : {"http_proxy", "all_proxy", "ALL_PROXY"})
        unsetenv(name);
    EXPECT_EQ(server.requests().size(), 1u);
    EXPECT_EQ(proxy.requests().size(), 0u);
}

TEST(Http, the_proxy_of_the_options_is_used_even_for_a_loopback_host)
{
    WireServer proxy(always(answer(200, "from the proxy")));
    setenv("no_proxy", "*", 1);
    unit::PollWaiter waiter;
    HttpOptions with_proxy = options();
    with_proxy.proxy = proxy.url();
    Http http(with_proxy, waiter);
    EXPECT_EQ(perform_one(http, {.url = "http://127.0.0.1:1/x"}).body, "from the proxy");
    unsetenv("no_proxy");
}

TEST(Http, plain_http_does_not_leave_the_machine)
{
    unit::PollWaiter waiter;
    Http http(options(), waiter);
    // 192.0.2.0/24 is for documentation: nothing answers there. That the socket is refused shows at once.
    const auto begun = steady_clock::now();
    const Response response = perform_one(http, {.url = "http://192.0.2.1:9/"});
    EXPECT_EQ(response.result, CURLE_COULDNT_CONNECT);
    EXPECT_EQ(response.sends, 0);
    EXPECT_LT(steady_clock::now() - begun, 1s);
}

// ---- many at once

TEST(Http, no_more_requests_are_in_flight_than_allowed_and_as_many_as_allowed)
{
    WireServer server([](const WireRequest &) {
        std::this_thread::sleep_for(20ms);
        return WireReply{.bytes = answer(200)};
    });
    unit::PollWaiter waiter;
    HttpOptions three = options();
    three.max_parallel = 3;
    Http http(three, waiter);
    for (const auto &response : perform(http, many(server, 20)))
        EXPECT_EQ(response->status, 200);
    EXPECT_EQ(server.requests().size(), 20u);
    EXPECT_EQ(server.max_at_once(), 3);
    EXPECT_EQ(http.requests_sent(), 20);
}

TEST(Http, requests_are_begun_in_their_order)
{
    WireServer server(always(answer(200)));
    unit::PollWaiter waiter;
    HttpOptions one = options();
    one.max_parallel = 1;
    Http http(one, waiter);
    perform(http, many(server, 5));
    std::string order;
    for (const WireRequest &request : server.requests())
        order += request.line().substr(5, 1);
    EXPECT_EQ(order, "01234");
}

TEST(Http, connections_are_kept_between_requests)
{
    WireServer server(always(answer(200)));
    unit::PollWaiter waiter;
    Http http(options(), waiter);
    for (int i = 0; i < 5; ++i)
        perform_one(http, {.url = server.url()});
    Http other(options(), waiter);
    perform_one(other, {.url = server.url()});
    EXPECT_EQ(server.connection_count(), 1);
}

TEST(Http, what_follows_on_a_response_is_sent_before_those_that_wait)
{
    WireServer server(always(answer(200)));
    unit::PollWaiter waiter;
    HttpOptions one = options();
    one.max_parallel = 1;
    Http http(one, waiter);
    std::vector<std::pair<std::size_t, std::string>> told;
    http.perform(
        many(server, 3), in(10s),
        [&](std::size_t index, const Response &response) -> std::optional<Http::Next> {
            told.emplace_back(index, std::to_string(response.status));
            if (index != 0 || told.size() > 2)
                return std::nullopt;
            return Http::Next{.request = {.url = server.url("/follow-up-" + std::to_string(told.size()))}};
        },
        [&](std::size_t) { FAIL(); });
    std::vector<std::string> paths;
    for (const WireRequest &request : server.requests())
        paths.push_back(request.line().substr(4, request.line().size() - 13));
    EXPECT_EQ(paths, (std::vector<std::string>{"/0", "/follow-up-1", "/follow-up-2", "/1", "/2"}));
    EXPECT_EQ(told.size(), 5u);
    EXPECT_EQ(told[2].first, 0u);
}

/// Sends one request, and on its response another after a delay; returns when each came to the server.
std::vector<milliseconds> delayed_follow_up(WireServer &server, std::vector<steady_clock::time_point> &came,
                                            bool holds_others, int max_parallel)
{
    unit::PollWaiter waiter;
    HttpOptions few = options();
    few.max_parallel = max_parallel;
    Http http(few, waiter);
    const auto begun = steady_clock::now();
    http.perform(
        many(server, 4), in(10s),
        [&](std::size_t index, const Response &) -> std::optional<Http::Next> {
            if (index != 0 || came.size() > 1)
                return std::nullopt;
            return Http::Next{.request = {.url = server.url("/again")}, .delay = 150ms, .holds_others = holds_others};
        },
        [&](std::size_t) { FAIL(); });
    std::vector<milliseconds> times;
    for (const auto &at : came)
        times.push_back(std::chrono::duration_cast<milliseconds>(at - begun));
    return times;
}

TEST(Http, what_follows_with_a_delay_does_not_keep_others_waiting)
{
    std::vector<steady_clock::time_point> came;
    WireServer server([&](const WireRequest &) {
        came.push_back(steady_clock::now());
        return WireReply{.bytes = answer(200)};
    });
    const auto times = delayed_follow_up(server, came, false, 1);
    ASSERT_EQ(times.size(), 5u);
    EXPECT_EQ(server.requests().back().line(), "GET /again HTTP/1.1");
    EXPECT_GE(times[4], 149ms);
    EXPECT_LT(times[3], 140ms);
}

TEST(Http, what_follows_with_a_delay_can_hold_others)
{
    std::vector<steady_clock::time_point> came;
    WireServer server([&](const WireRequest &) {
        came.push_back(steady_clock::now());
        return WireReply{.bytes = answer(200)};
    });
    const auto times = delayed_follow_up(server, came, true, 1);
    ASSERT_EQ(times.size(), 5u);
    EXPECT_EQ(server.requests()[1].line(), "GET /again HTTP/1.1");
    EXPECT_GE(times[1], 149ms);
}

TEST(Http, a_delay_past_the_deadline_is_told_of_at_once)
{
    WireServer server(always(answer(200)));
    unit::PollWaiter waiter;
    Http http(options(), waiter);
    int unsent = 0;
    const auto begun = steady_clock::now();
    http.perform(
        many(server, 1), in(2s),
        [&](std::size_t, const Response &) {
            return Http::Next{.request = {.url = server.url("/again")}, .delay = 2500ms};
        },
        [&](std::size_t) { ++unsent; });
    EXPECT_EQ(unsent, 1);
    EXPECT_LT(steady_clock::now() - begun, 1s);
    EXPECT_EQ(server.requests().size(), 1u);
}

TEST(Http, a_request_that_would_take_longer_than_is_left_is_not_begun)
{
    WireServer server([](const WireRequest &) {
        std::this_thread::sleep_for(150ms);
        return WireReply{.bytes = answer(200)};
    });
    unit::PollWaiter waiter;
    HttpOptions one = options();
    one.max_parallel = 1;
    Http http(one, waiter);
    const auto responses = perform(http, many(server, 3), 320ms);
    EXPECT_EQ(responses[0]->status, 200);
    EXPECT_FALSE(responses[1]) << "some 170 ms are left, and one takes 150 ms and a quarter";
    EXPECT_FALSE(responses[2]);
}

TEST(Http, nothing_to_send_is_done_at_once)
{
    unit::PollWaiter waiter;
    Http http(options(), waiter);
    perform(http, {});
    EXPECT_EQ(waiter.waits, 0);
    EXPECT_EQ(http.requests_sent(), 0);
}

// ---- time

TEST(Http, a_request_without_time_is_not_sent)
{
    WireServer server(always(answer(200)));
    unit::PollWaiter waiter;
    Http http(options(), waiter);
    for (const milliseconds time : {-1000ms, 0ms, 5ms})
        for (const auto &response : perform(http, many(server, 3), time))
            EXPECT_FALSE(response);
    EXPECT_EQ(server.requests().size(), 0u);
    EXPECT_EQ(server.connection_count(), 0);
}

TEST(Http, the_deadline_ends_what_is_under_way_and_what_waits_is_not_sent)
{
    WireServer server(always("", WireReply::Then::Hang));
    unit::PollWaiter waiter;
    HttpOptions two = options();
    two.max_parallel = 2;
    Http http(two, waiter);
    const auto begun = steady_clock::now();
    const auto responses = perform(http, many(server, 5), 200ms);
    const auto took = steady_clock::now() - begun;
    EXPECT_GT(took, 150ms);
    EXPECT_LT(took, 800ms);
    for (const std::size_t sent : {0u, 1u})
        EXPECT_EQ(responses[sent].value().result, CURLE_OPERATION_TIMEDOUT);
    for (const std::size_t unsent : {2u, 3u, 4u})
        EXPECT_FALSE(responses[unsent]);
    EXPECT_EQ(server.requests().size(), 2u);
}

TEST(Http, a_follow_up_without_time_is_told_of_as_unsent)
{
    WireServer server([](const WireRequest &) {
        std::this_thread::sleep_for(150ms);
        return WireReply{.bytes = answer(200)};
    });
    unit::PollWaiter waiter;
    Http http(options(), waiter);
    int unsent = 0;
    http.perform(
        many(server, 1), in(300ms),
        [&](std::size_t, const Response &) -> std::optional<Http::Next> {
            std::this_thread::sleep_for(200ms);
            return Http::Next{.request = {.url = server.url("/follow-up")}};
        },
        [&](std::size_t index) {
            EXPECT_EQ(index, 0u);
            ++unsent;
        });
    EXPECT_EQ(unsent, 1);
    EXPECT_EQ(server.requests().size(), 1u);
}

TEST(Http, each_request_has_a_timeout_of_its_own)
{
    WireServer server([](const WireRequest &request) {
        return request.line().starts_with("GET /0 ") ? WireReply{.bytes = "", .then = WireReply::Then::Hang}
                                                     : WireReply{.bytes = answer(200)};
    });
    unit::PollWaiter waiter;
    HttpOptions quick = options();
    quick.request_timeout = 150ms;
    Http http(quick, waiter);
    const auto responses = perform(http, many(server, 2));
    EXPECT_EQ(responses[0]->result, CURLE_OPERATION_TIMEDOUT);
    EXPECT_EQ(responses[1]->status, 200);
    EXPECT_NEAR(responses[0]->timing.total, 0.15, 0.1);
}

TEST(Http, a_timeout_tells_how_far_it_had_come)
{
    WireServer silent(always("", WireReply::Then::Hang));
    WireServer slow(always("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", WireReply::Then::Hang));
    unit::PollWaiter waiter;
    HttpOptions quick = options();
    quick.request_timeout = 100ms;
    Http http(quick, waiter);
    const Response first_byte = perform_one(http, {.url = silent.url()});
    EXPECT_EQ(first_byte.sends, 1);
    EXPECT_GT(first_byte.timing.connected, 0);
    EXPECT_EQ(first_byte.timing.first_byte, 0);
    EXPECT_GT(perform_one(http, {.url = slow.url()}).timing.first_byte, 0);
}

// ---- answers that are refused

TEST(Http, a_body_that_is_too_large_is_refused_and_one_that_just_fits_is_not)
{
    const std::string body(5000, 'x');
    for (const bool is_chunked : {false, true}) {
        WireServer server(
            always(is_chunked ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1388\r\n" + body + "\r\n0\r\n\r\n"
                              : answer(200, body)));
        unit::PollWaiter waiter;
        HttpOptions small = options();
        small.max_response_bytes = 5000;
        Http fits(small, waiter);
        EXPECT_EQ(perform_one(fits, {.url = server.url()}).body.size(), 5000u);
        small.max_response_bytes = 4999;
        Http does_not(small, waiter);
        const Response response = perform_one(does_not, {.url = server.url()});
        EXPECT_TRUE(response.is_too_large);
        EXPECT_NE(response.result, CURLE_OK);
        EXPECT_LE(response.body.size(), 4999u);
    }
}

TEST(Http, a_small_body_that_unpacks_to_a_large_one_is_refused)
{
    WireServer server([](const WireRequest &) {
        FILE *const pipe = popen("head -c 1000000 /dev/zero | tr '\\0' '[' | gzip -c", "r");
        std::string body;
        for (int c = 0; (c = fgetc(pipe)) != EOF;)
            body += static_cast<char>(c);
        pclose(pipe);
        return WireReply{.bytes = answer(200, body, "Content-Encoding: gzip\r\n")};
    });
    unit::PollWaiter waiter;
    HttpOptions small = options();
    small.max_response_bytes = 100000;
    Http http(small, waiter);
    const Response response = perform_one(http, {.url = server.url()});
    EXPECT_TRUE(response.is_too_large);
    EXPECT_LE(response.body.size(), 100000u);
    small.max_response_bytes = 1000000;
    Http large(small, waiter);
    EXPECT_EQ(perform_one(large, {.url = server.url()}).body, std::string(1000000, '['));
}

TEST(Http, headers_that_are_too_large_are_refused)
{
    std::string headers;
    for (int i = 0; i < 100; ++i)
        headers += "X-Filler-" + std::to_string(i) + ": " + std::string(1000, 'x') + "\r\n";
    WireServer server(always(answer(200, "[]", headers)));
    unit::PollWaiter waiter;
    Http http(options(), waiter);
    const Response response = perform_one(http, {.url = server.url()});
    EXPECT_TRUE(response.is_too_large);
    EXPECT_NE(response.result, CURLE_OK);
}

TEST(Http, a_redirect_is_an_answer_and_is_not_followed)
{
    WireServer other(always(answer(200)));
    WireServer server(always(answer(302, "", "Location: " + other.url() + "\r\n")));
    unit::PollWaiter waiter;
    Http http(options(), waiter);
    const Response response = perform_one(http, {.url = server.url()});
    EXPECT_EQ(response.result, CURLE_OK);
    EXPECT_EQ(response.status, 302);
    EXPECT_EQ(server.requests().size(), 1u);
    EXPECT_EQ(other.connection_count(), 0);
}

TEST(Http, a_body_that_is_cut_short_is_a_failure)
{
    WireServer server(always("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n[]", WireReply::Then::Close));
    unit::PollWaiter waiter;
    Http http(options(), waiter);
    EXPECT_EQ(perform_one(http, {.url = server.url()}).result, CURLE_PARTIAL_FILE);
}

TEST(Http, headers_that_we_read_are_found_in_any_letter_case)
{
    WireServer server(always(answer(429, "", "RETRY-AFTER:\t7 \r\nContent-range: items 0-9/20\r\n")));
    unit::PollWaiter waiter;
    Http http(options(), waiter);
    const Response response = perform_one(http, {.url = server.url()});
    EXPECT_EQ(response.headers.retry_after, "7");
    EXPECT_EQ(response.headers.paging, "Content-Range");
}

TEST(Http, a_link_to_a_next_page_is_a_marker_of_paging_and_another_link_is_not)
{
    for (const auto &[link, paging] :
         {std::pair("</x?page=2>; rel=\"next\"", "Link"), std::pair("</style.css>; rel=preload", "")}) {
        WireServer server(always(answer(200, "[]", std::string("Link: ") + link + "\r\n")));
        unit::PollWaiter waiter;
        Http http(options(), waiter);
        EXPECT_EQ(perform_one(http, {.url = server.url()}).headers.paging, paging);
    }
}

// ---- connections that die

/// Answers the first request of a connection, and closes the connection when the second has come.
WireReply dies_on_second(const WireRequest &request)
{
    return request.on_connection == 1 ? WireReply{.bytes = answer(200)}
                                      : WireReply{.bytes = "", .then = WireReply::Then::Close};
}

TEST(Http, an_add_is_not_sent_again_when_its_kept_connection_dies)
{
    WireServer server(dies_on_second);
    unit::PollWaiter waiter;
    Http http(options(), waiter);
    perform_one(http, {.url = server.url("/list")});
    const Response response = perform_one(http, add_request(server.url("/add")));
    EXPECT_NE(response.result, CURLE_OK);
    EXPECT_EQ(response.sends, 1);
    int adds = 0;
    for (const WireRequest &request : server.requests())
        adds += request.line().starts_with("POST /add ");
    EXPECT_EQ(adds, 1);
    EXPECT_EQ(http.requests_sent(), 2);
}

TEST(Http, a_repeatable_request_that_libcurl_sends_again_is_counted_as_often)
{
    WireServer server(dies_on_second);
    unit::PollWaiter waiter;
    Http http(options(), waiter);
    perform_one(http, {.url = server.url("/list")});
    const Response response = perform_one(http, {.method = Request::Method::Delete, .url = server.url("/line")});
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.sends, 2);
    EXPECT_EQ(server.requests().size(), 3u);
    EXPECT_EQ(http.requests_sent(), 3);
}

std::vector<int> places_of_adds(const WireServer &server)
{
    std::vector<int> places;
    for (const WireRequest &request : server.requests())
        if (request.line().starts_with("POST "))
            places.push_back(request.on_connection);
    return places;
}

TEST(Http, adds_go_over_kept_connections)
{
    WireServer server(always(answer(200)));
    unit::PollWaiter waiter;
    Http http(options(), waiter);
    perform_one(http, {.url = server.url("/list")});
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(perform_one(http, add_request(server.url("/add"))).status, 200);
    EXPECT_EQ(server.connection_count(), 1);
}

TEST(Http, an_add_is_not_sent_on_a_kept_connection_that_is_closed)
{
    WireServer server(always(answer(200), WireReply::Then::Close));
    unit::PollWaiter waiter;
    Http http(options(), waiter);
    for (int i = 0; i < 3; ++i) {
        perform_one(http, {.url = server.url("/list")});
        std::this_thread::sleep_for(20ms); // for the end to arrive
        const Response response = perform_one(http, add_request(server.url("/add")));
        EXPECT_EQ(response.status, 200) << response.error;
        EXPECT_EQ(response.sends, 1);
    }
    EXPECT_EQ(places_of_adds(server), (std::vector<int>{1, 1, 1}));
}

TEST(Http, an_add_on_a_closed_connection_needs_time_for_another)
{
    WireServer server(always(answer(200), WireReply::Then::Close));
    unit::PollWaiter waiter;
    Http http(options(), waiter);
    perform_one(http, {.url = server.url("/list")});
    std::this_thread::sleep_for(20ms);
    int unsent = 0;
    http.perform(
        {add_request(server.url("/add"))}, in(0ms), [](std::size_t, Response &) { return std::optional<Http::Next>(); },
        [&](std::size_t) { ++unsent; });
    EXPECT_EQ(unsent, 1);
    EXPECT_TRUE(places_of_adds(server).empty());
}

TEST(Http, once_an_add_was_lost_with_a_kept_connection_adds_go_over_their_own)
{
    // The third request of a connection finds it dying.
    WireServer server([](const WireRequest &request) {
        return request.on_connection < 3 ? WireReply{.bytes = answer(200)}
                                         : WireReply{.bytes = "", .then = WireReply::Then::Close};
    });
    WireServer other(always(answer(200)));
    unit::PollWaiter waiter;
    const auto list = [&](const WireServer &of) {
        Http http(options(), waiter);
        return perform_one(http, {.url = of.url("/list")});
    };
    const auto add = [&](const WireServer &to) {
        Http http(options(), waiter);
        return perform_one(http, add_request(to.url("/add")));
    };
    list(server);
    EXPECT_EQ(add(server).status, 200);
    const Response lost = add(server);
    EXPECT_EQ(lost.status, 0);
    EXPECT_EQ(lost.sends, 1);
    EXPECT_TRUE(lost.lost_connection);

    for (int i = 0; i < 5; ++i) {
        list(server);
        const Response response = add(server);
        EXPECT_EQ(response.status, 200) << response.error;
        EXPECT_EQ(response.sends, 1);
    }
    EXPECT_EQ(places_of_adds(server), (std::vector<int>{2, 3, 1, 1, 1, 1, 1}));
    EXPECT_TRUE(server.has_open(1)) << "those of their own are closed: " << server.open_connections();

    list(other);
    add(other);
    EXPECT_EQ(other.connection_count(), 1) << "another server has nothing to do with it";
}

TEST(Http, nobody_listening_means_nothing_was_sent)
{
    std::string url;
    {
        WireServer server(always(answer(200)));
        url = server.url();
    }
    unit::PollWaiter waiter;
    Http http(options(), waiter);
    const Response response = perform_one(http, add_request(url));
    EXPECT_EQ(response.result, CURLE_COULDNT_CONNECT);
    EXPECT_EQ(response.sends, 0);
    EXPECT_EQ(http.requests_sent(), 0);
}

// ---- whoever leaves in the middle leaves nothing behind

TEST(Http, a_connection_that_is_reset_in_the_tls_handshake_says_so)
{
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr *>(&address), size), 0);
    ASSERT_EQ(listen(listener, 1), 0);
    ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr *>(&address), &size), 0);
    std::thread resetter([listener] {
        const int connection = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        char byte;
        recv(connection, &byte, 1, 0);
        close(connection); // with bytes unread, which makes it a reset
    });
    unit::PollWaiter waiter;
    Http http(options(), waiter);
    const Response response =
        perform_one(http, {.url = "https://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/"});
    resetter.join();
    close(listener);
    EXPECT_EQ(response.result, CURLE_SSL_CONNECT_ERROR);
    EXPECT_EQ(response.os_error, ECONNRESET);
    EXPECT_EQ(response.sends, 0);
}

TEST(Http, what_the_waiter_throws_ends_all_requests_and_leaves_nothing_behind)
{
    WireServer hanging(always("", WireReply::Then::Hang));
    WireServer server(always(answer(200)));
    unit::PollWaiter waiter;
    Http http(options(), waiter);
    perform_one(http, {.url = server.url()});
    const std::size_t before = open_descriptors();
    for (int i = 0; i < 20; ++i) {
        unit::CancelledWaiter cancelled(10ms);
        Http in_vain(options(), cancelled);
        EXPECT_THROW(perform(in_vain, many(hanging, 10), 10s), unit::Cancelled);
    }
    EXPECT_TRUE(hanging.has_open(0)) << hanging.open_connections();
    EXPECT_LE(open_descriptors(), before); // a resolver's thread of another case may have ended meanwhile
    EXPECT_EQ(perform_one(http, {.url = server.url()}).status, 200);
    EXPECT_EQ(server.connection_count(), 1);
}

TEST(Http, what_a_callback_throws_ends_all_requests_and_leaves_nothing_behind)
{
    WireServer server([](const WireRequest &request) {
        return request.line().starts_with("GET /0 ") ? WireReply{.bytes = answer(200)}
                                                     : WireReply{.bytes = "", .then = WireReply::Then::Hang};
    });
    unit::PollWaiter waiter;
    Http http(options(), waiter);
    const auto fail = [](std::size_t, const Response &) -> std::optional<Http::Next> {
        throw std::runtime_error("no");
    };
    EXPECT_THROW(http.perform(many(server, 3), in(10s), fail, [](std::size_t) {}), std::runtime_error);
    EXPECT_TRUE(server.has_open(1)) << "the one whose answer came stays open: " << server.open_connections();
    EXPECT_EQ(perform(http, {{.url = server.url("/0")}})[0]->status, 200);
}

TEST(Http, work_of_the_caller_is_done_while_the_server_answers)
{
    WireServer server(always(answer(200)));
    unit::PollWaiter waiter;
    Http http(options(), waiter);
    perform(http, many(server, 1)); // opens the connection
    int times = 0, answers = 0;
    http.perform(
        many(server, 2), in(10s),
        [&](std::size_t, const Response &) -> std::optional<Http::Next> {
            EXPECT_EQ(times, 1);
            ++answers;
            return std::nullopt;
        },
        [](std::size_t) {},
        [&] {
            ++times;
            EXPECT_TRUE(server.has_seen(2)) << "the first goes out before that";
        });
    EXPECT_EQ(times, 1);
    EXPECT_EQ(answers, 2);
}

TEST(Http, work_of_the_caller_that_fails_ends_all_requests)
{
    WireServer server([](const WireRequest &) { return WireReply{.bytes = "", .then = WireReply::Then::Hang}; });
    unit::PollWaiter waiter;
    Http http(options(), waiter);
    const auto ignore = [](std::size_t, const Response &) { return std::optional<Http::Next>(); };
    EXPECT_THROW(http.perform(
                     many(server, 3), in(10s), ignore, [](std::size_t) {}, [] { throw std::runtime_error("no"); }),
                 std::runtime_error);
    EXPECT_TRUE(server.has_open(0)) << server.open_connections();
}

TEST(Http, the_waiter_is_told_what_it_waits_for)
{
    WireServer server([](const WireRequest &) {
        std::this_thread::sleep_for(20ms);
        return WireReply{.bytes = answer(200)};
    });
    const auto waited_for = [&](Request request, milliseconds pause) {
        unit::PollWaiter waiter;
        Http http(options(), waiter);
        bool is_first = true;
        http.perform(
            {request}, in(10s),
            [&](std::size_t, const Response &) -> std::optional<Http::Next> {
                if (pause == 0ms || !std::exchange(is_first, false))
                    return std::nullopt;
                return Http::Next{.request = request, .delay = pause};
            },
            [](std::size_t) {});
        return waiter.waited_for;
    };
    using Waits = std::set<flex::WaitFor>;
    const Request list{.url = server.url("/0")};
    EXPECT_EQ(waited_for(list, 0ms), Waits{flex::WaitFor::Listing});
    EXPECT_EQ(waited_for(add_request(server.url("/1")), 0ms), Waits{flex::WaitFor::Change});
    EXPECT_EQ(waited_for(list, 50ms), (Waits{flex::WaitFor::Listing, flex::WaitFor::Repeat}));
}

TEST(Http, signals_are_open_while_waiting_and_when_all_is_done)
{
    struct SignalWaiter final : flex::Waiter {
        void wait(int descriptor, milliseconds at_most, flex::WaitFor what) override
        {
            sigset_t blocked;
            pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
            for (const int signal : {SIGINT, SIGTERM, SIGALRM, SIGUSR1, SIGHUP})
                EXPECT_FALSE(sigismember(&blocked, signal)) << signal;
            poll_waiter.wait(descriptor, at_most, what);
        }
        void check() override {}
        unit::PollWaiter poll_waiter;
    } waiter;
    WireServer server(always(answer(200)));
    Http http(options(), waiter);
    perform(http, many(server, 3));
    EXPECT_GT(waiter.poll_waiter.waits, 0);
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
    EXPECT_FALSE(sigismember(&blocked, SIGTERM));
}

TEST(Http, a_block_of_signals_leaves_those_of_a_fault_open)
{
    sigset_t blocked;
    {
        const flex::SignalBlock block;
        pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
        for (const int signal : {SIGINT, SIGTERM, SIGQUIT, SIGALRM, SIGUSR1, SIGUSR2, SIGHUP, SIGCHLD, SIGPIPE})
            EXPECT_TRUE(sigismember(&blocked, signal)) << signal;
        for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT})
            EXPECT_FALSE(sigismember(&blocked, signal)) << signal;
    }
    pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
    EXPECT_FALSE(sigismember(&blocked, SIGTERM));
}

} // namespace
