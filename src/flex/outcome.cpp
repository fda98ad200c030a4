#include "flex/outcome.hpp"

#include "flex/retry_after.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

namespace flex {

using core::Outcome;

namespace {

constexpr std::array refused_statuses{400, 401, 403, 404, 405, 409, 413, 415, 422};

Outcome outcome_of_status(int status, bool is_delete)
{
    if (status == 429)
        return Outcome::RefusedForNow;
    if (is_delete && status == 404)
        return Outcome::Done;
    if (status >= 200 && status < 300 && status != 202)
        return Outcome::Done;
    return std::find(refused_statuses.begin(), refused_statuses.end(), status) != refused_statuses.end()
               ? Outcome::Refused
               : Outcome::Unknown;
}

std::string code_of_status(int status)
{
    if (status == 401 || status == 403)
        return "unauthorized";
    if (status == 404)
        return "not_found";
    if (status == 429)
        return "rate_limited";
    return status >= 300 && status < 400 ? "redirect" : "http_status";
}

std::string message_of_status(int status)
{
    const std::string answered = "Flex answered HTTP status " + std::to_string(status);
    if (status == 401 || status == 403)
        return answered + ": it does not take the token of the user mapping.";
    if (status == 404)
        return answered + ": Flex does not know this id.";
    if (status == 429)
        return answered + ": too many requests.";
    if (status >= 300 && status < 400)
        return answered + ", a redirect, which is not followed; the server's \"url\" may be wrong.";
    return answered + ".";
}

std::string seconds(double value)
{
    char text[32];
    std::snprintf(text, sizeof text, "%.1f s", value);
    return text;
}

/// Where the time of a timeout went: the first phase that did not end.
std::string phase_of(const Response &response)
{
    // On a kept connection the phases before take no time.
    if (response.sends > 0)
        return response.timing.first_byte <= 0 ? "waiting for the first byte" : "reading the answer";
    if (response.timing.resolved <= 0)
        return "resolving the host name";
    return response.timing.connected <= 0 ? "connecting" : "the TLS handshake";
}

double start_of_phase(const Response &response)
{
    return std::max(
        {response.timing.resolved, response.timing.connected, response.timing.secured, response.timing.first_byte});
}

/// libcurl calls a connection that breaks in the TLS handshake a failure of TLS; it may do better the next time.
bool broke_in_handshake(const Response &response)
{
    return response.result == CURLE_SSL_CONNECT_ERROR &&
           (response.os_error == ECONNRESET || response.os_error == EPIPE);
}

std::string code_of_failure(const Response &response)
{
    switch (response.result) {
    case CURLE_OPERATION_TIMEDOUT:
        return "timeout";
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
        if (!broke_in_handshake(response))
            return "tls";
        [[fallthrough]];
    default:
        return response.sends > 0 ? "connection_lost" : "unreachable";
    }
}

std::string message_of_failure(const Response &response)
{
    if (response.is_too_large)
        return "Flex's answer is larger than \"max_response_bytes\" of the server allows.";
    if (response.result == CURLE_OPERATION_TIMEDOUT)
        return "Flex did not answer within " + seconds(response.timing.total) + " (" +
               seconds(response.timing.total - start_of_phase(response)) + " of it " + phase_of(response) + ").";
    if (response.result == CURLE_ABORTED_BY_CALLBACK)
        return "The connection was closed before Flex answered; the request was not sent again.";
    return (response.sends > 0 ? "The connection to Flex was lost: " : "Flex could not be reached: ") + response.error +
           ".";
}

} // namespace

core::Answer answer_of(const Response &response, bool is_delete)
{
    core::Answer answer{.http_status = response.status,
                        .duration = std::chrono::duration<double>(response.timing.total)};
    if (response.result == CURLE_OK) {
        answer.outcome = outcome_of_status(response.status, is_delete);
        if (answer.outcome == Outcome::Done)
            return answer;
        answer.code = code_of_status(response.status);
        answer.message = message_of_status(response.status);
        if (answer.outcome == Outcome::RefusedForNow || response.status == 503)
            answer.retry_after = parse_retry_after(response.headers.retry_after, std::chrono::system_clock::now());
        return answer;
    }
    answer.outcome = response.sends > 0 ? Outcome::Unknown : Outcome::NothingDone;
    answer.code = response.is_too_large ? "too_large" : code_of_failure(response);
    answer.message = message_of_failure(response);
    return answer;
}

core::Answer unsent_answer()
{
    return {.outcome = Outcome::NotSent,
            .code = "deadline",
            .message = "There was no time left for the request before the deadline."};
}

core::Answer unrecorded_answer()
{
    return {.outcome = Outcome::NotSent,
            .code = "journal",
            .message = "The journal could not be written, so nothing was sent."};
}

} // namespace flex
