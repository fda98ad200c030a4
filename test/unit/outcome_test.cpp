// flex-api's table of outcomes, line by line, and what a person is told of each.

#include "flex/outcome.hpp"

#include <gtest/gtest.h>

#include <cerrno>

using core::Answer;
using core::Outcome;
using flex::answer_of;
using flex::Response;
using namespace std::chrono_literals;

namespace {

Response answered(int status)
{
    return {.result = CURLE_OK, .status = status, .sends = 1, .timing = {.total = 0.25}};
}

Response failed(CURLcode result, int sends)
{
    return {.result = result, .sends = sends, .error = "curl's words"};
}

/// A timeout, by how far the request had come.
Response timed_out(double resolved, double connected, int sends, double first_byte)
{
    return {.result = CURLE_OPERATION_TIMEDOUT,
            .sends = sends,
            .timing = {.resolved = resolved, .connected = connected, .first_byte = first_byte, .total = 15}};
}

TEST(Outcome, a_2xx_other_than_202_is_done)
{
    for (const int status : {200, 201, 203, 204, 206, 226, 299}) {
        const Answer answer = answer_of(answered(status));
        EXPECT_EQ(answer.outcome, Outcome::Done) << status;
        EXPECT_EQ(answer.http_status, status);
        EXPECT_EQ(answer.code, "");
        EXPECT_EQ(answer.message, "");
        EXPECT_EQ(answer.duration, 250ms);
    }
}

TEST(Outcome, these_statuses_are_a_refusal)
{
    for (const int status : {400, 401, 403, 404, 405, 409, 413, 415, 422})
        EXPECT_EQ(answer_of(answered(status)).outcome, Outcome::Refused) << status;
}

TEST(Outcome, every_other_status_is_unknown)
{
    for (int status = 100; status < 600; ++status) {
        if ((status >= 200 && status < 300 && status != 202) || status == 429)
            continue;
        bool is_refusal = false;
        for (const int refusal : {400, 401, 403, 404, 405, 409, 413, 415, 422})
            is_refusal = is_refusal || status == refusal;
        if (!is_refusal) {
            EXPECT_EQ(answer_of(answered(status)).outcome, Outcome::Unknown) << status;
        }
    }
}

TEST(Outcome, a_deletion_of_what_is_gone_is_done)
{
    EXPECT_EQ(answer_of(answered(404), true).outcome, Outcome::Done);
    EXPECT_EQ(answer_of(answered(404), true).code, "");
    EXPECT_EQ(answer_of(answered(204), true).outcome, Outcome::Done);
    EXPECT_EQ(answer_of(answered(403), true).outcome, Outcome::Refused);
    EXPECT_EQ(answer_of(answered(202), true).outcome, Outcome::Unknown);
    EXPECT_EQ(answer_of(answered(410), true).outcome, Outcome::Unknown);
}

TEST(Outcome, too_many_requests_is_a_refusal_for_now)
{
    Response response = answered(429);
    EXPECT_EQ(answer_of(response).outcome, Outcome::RefusedForNow);
    EXPECT_EQ(answer_of(response).retry_after, std::nullopt);
    response.headers.retry_after = "120";
    EXPECT_EQ(answer_of(response).retry_after, 120s);
    EXPECT_EQ(answer_of(response, true).outcome, Outcome::RefusedForNow);
}

TEST(Outcome, a_server_that_is_down_may_say_for_how_long)
{
    Response response = answered(503);
    response.headers.retry_after = "120";
    EXPECT_EQ(answer_of(response).outcome, Outcome::Unknown);
    EXPECT_EQ(answer_of(response).retry_after, 120s);
}

TEST(Outcome, no_other_answer_asks_for_a_wait)
{
    for (const int status : {200, 404, 500}) {
        Response response = answered(status);
        response.headers.retry_after = "120";
        EXPECT_EQ(answer_of(response).retry_after, std::nullopt);
    }
}

TEST(Outcome, a_status_has_a_code_that_stays)
{
    EXPECT_EQ(answer_of(answered(401)).code, "unauthorized");
    EXPECT_EQ(answer_of(answered(403)).code, "unauthorized");
    EXPECT_EQ(answer_of(answered(404)).code, "not_found");
    EXPECT_EQ(answer_of(answered(429)).code, "rate_limited");
    for (const int status : {300, 301, 302, 303, 304, 307, 308})
        EXPECT_EQ(answer_of(answered(status)).code, "redirect") << status;
    for (const int status : {202, 400, 405, 408, 409, 413, 415, 422, 500, 502, 503, 504})
        EXPECT_EQ(answer_of(answered(status)).code, "http_status") << status;
}

TEST(Outcome, a_status_has_a_sentence)
{
    EXPECT_EQ(answer_of(answered(503)).message, "Flex answered HTTP status 503.");
    EXPECT_EQ(answer_of(answered(401)).message,
              "Flex answered HTTP status 401: it does not take the token of the user mapping.");
    EXPECT_EQ(answer_of(answered(404)).message, "Flex answered HTTP status 404: Flex does not know this id.");
    EXPECT_EQ(answer_of(answered(429)).message, "Flex answered HTTP status 429: too many requests.");
    EXPECT_EQ(answer_of(answered(302)).message,
              "Flex answered HTTP status 302, a redirect, which is not followed; the server's \"url\" may be wrong.");
}

TEST(Outcome, what_never_went_out_was_not_done)
{
    for (const CURLcode code :
         {CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT, CURLE_SSL_CONNECT_ERROR,
          CURLE_PEER_FAILED_VERIFICATION, CURLE_OPERATION_TIMEDOUT, CURLE_RECV_ERROR})
        EXPECT_EQ(answer_of(failed(code, 0)).outcome, Outcome::NothingDone) << curl_easy_strerror(code);
}

TEST(Outcome, what_was_lost_after_it_went_out_is_unknown)
{
    for (const CURLcode code : {CURLE_OPERATION_TIMEDOUT, CURLE_RECV_ERROR, CURLE_SEND_ERROR, CURLE_GOT_NOTHING,
                                CURLE_PARTIAL_FILE, CURLE_HTTP2, CURLE_HTTP2_STREAM, CURLE_ABORTED_BY_CALLBACK,
                                CURLE_WRITE_ERROR, CURLE_BAD_CONTENT_ENCODING, CURLE_OUT_OF_MEMORY})
        EXPECT_EQ(answer_of(failed(code, 1)).outcome, Outcome::Unknown) << curl_easy_strerror(code);
}

TEST(Outcome, a_body_cut_short_is_unknown_though_its_status_was_fine)
{
    Response response = answered(200);
    response.result = CURLE_PARTIAL_FILE;
    const Answer answer = answer_of(response);
    EXPECT_EQ(answer.outcome, Outcome::Unknown);
    EXPECT_EQ(answer.http_status, 200);
}

TEST(Outcome, a_failure_has_a_code_that_stays)
{
    EXPECT_EQ(answer_of(failed(CURLE_OPERATION_TIMEDOUT, 1)).code, "timeout");
    EXPECT_EQ(answer_of(failed(CURLE_OPERATION_TIMEDOUT, 0)).code, "timeout");
    for (const CURLcode code : {CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM,
                                CURLE_SSL_CIPHER, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_CACERT_BADFILE})
        EXPECT_EQ(answer_of(failed(code, 0)).code, "tls") << curl_easy_strerror(code);
    EXPECT_EQ(answer_of(failed(CURLE_COULDNT_CONNECT, 0)).code, "unreachable");
    EXPECT_EQ(answer_of(failed(CURLE_COULDNT_RESOLVE_HOST, 0)).code, "unreachable");
    EXPECT_EQ(answer_of(failed(CURLE_RECV_ERROR, 1)).code, "connection_lost");
    EXPECT_EQ(answer_of(failed(CURLE_ABORTED_BY_CALLBACK, 1)).code, "connection_lost");
}

TEST(Outcome, a_connection_that_breaks_in_the_handshake_is_no_matter_of_tls)
{
    for (const int error : {ECONNRESET, EPIPE}) {
        Response response = failed(CURLE_SSL_CONNECT_ERROR, 0);
        response.os_error = error;
        EXPECT_EQ(answer_of(response).code, "unreachable");
        EXPECT_EQ(answer_of(response).outcome, Outcome::NothingDone);
        response.sends = 1;
        EXPECT_EQ(answer_of(response).code, "connection_lost");
        EXPECT_EQ(answer_of(response).outcome, Outcome::Unknown);
    }
    Response mistrusted = failed(CURLE_PEER_FAILED_VERIFICATION, 0);
    mistrusted.os_error = ECONNRESET;
    EXPECT_EQ(answer_of(mistrusted).code, "tls");
}

TEST(Outcome, a_failure_has_a_sentence)
{
    EXPECT_EQ(answer_of(failed(CURLE_COULDNT_CONNECT, 0)).message, "Flex could not be reached: curl's words.");
    EXPECT_EQ(answer_of(failed(CURLE_RECV_ERROR, 1)).message, "The connection to Flex was lost: curl's words.");
    EXPECT_EQ(answer_of(failed(CURLE_ABORTED_BY_CALLBACK, 1)).message,
              "The connection was closed before Flex answered; the request was not sent again.");
}

TEST(Outcome, an_answer_that_is_too_large_says_which_option_allows_more)
{
    Response response = answered(200);
    response.result = CURLE_WRITE_ERROR;
    response.is_too_large = true;
    const Answer answer = answer_of(response);
    EXPECT_EQ(answer.outcome, Outcome::Unknown);
    EXPECT_EQ(answer.code, "too_large");
    EXPECT_NE(answer.message.find("max_response_bytes"), std::string::npos);
}

TEST(Outcome, a_timeout_says_where_the_time_went)
{
    EXPECT_EQ(answer_of(timed_out(0, 0, 0, 0)).message,
              "Flex did not answer within 15.0 s (15.0 s of it resolving the host name).");
    EXPECT_EQ(answer_of(timed_out(0.5, 0, 0, 0)).message,
              "Flex did not answer within 15.0 s (14.5 s of it connecting).");
    EXPECT_EQ(answer_of(timed_out(0.5, 1, 0, 0)).message,
              "Flex did not answer within 15.0 s (14.0 s of it the TLS handshake).");
    EXPECT_EQ(answer_of(timed_out(0.5, 1, 1, 0)).message,
              "Flex did not answer within 15.0 s (14.0 s of it waiting for the first byte).");
    EXPECT_EQ(answer_of(timed_out(0.5, 1, 1, 3)).message,
              "Flex did not answer within 15.0 s (12.0 s of it reading the answer).");
    // On a connection that was kept.
    EXPECT_EQ(answer_of(timed_out(0.5, 0, 1, 0)).message,
              "Flex did not answer within 15.0 s (14.5 s of it waiting for the first byte).");
}

TEST(Outcome, a_request_without_time_was_not_sent)
{
    const Answer answer = flex::unsent_answer();
    EXPECT_EQ(answer.outcome, Outcome::NotSent);
    EXPECT_EQ(answer.code, "deadline");
    EXPECT_EQ(answer.http_status, 0);
}

} // namespace
