#include "session.hpp"

#include <algorithm>
#include <chrono>
#include <poll.h>
#include <stdexcept>
#include <thread>

namespace chaos {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

Session::Session(std::string conninfo) : conninfo_(std::move(conninfo))
{
    connect();
}

void Session::connect()
{
    const auto give_up = steady_clock::now() + std::chrono::minutes(1);
    for (;;) {
        connection_.reset(PQconnectdb(conninfo_.c_str()));
        if (!is_lost())
            break;
        if (steady_clock::now() > give_up)
            throw std::runtime_error(PQerrorMessage(connection_.get()));
        std::this_thread::sleep_for(milliseconds(20));
    }
    PQsetNoticeProcessor(
        connection_.get(), [](void *, const char *) {}, nullptr);
    pid_ = PQbackendPID(connection_.get());
    is_running_ = false;
    if (!settings_.empty())
        run(settings_);
}

void Session::use(const std::string &settings)
{
    settings_ = settings;
    run(settings_);
}

void Session::start(const std::string &statement)
{
    reply_ = {};
    is_running_ = true;
    if (!PQsendQuery(connection_.get(), statement.c_str()))
        reply_.is_lost = true;
}

bool Session::has_ended()
{
    if (reply_.is_lost || !PQconsumeInput(connection_.get())) {
        reply_.is_lost = true;
        return true;
    }
    while (!PQisBusy(connection_.get())) {
        PGresult *const result = PQgetResult(connection_.get());
        if (!result)
            return true;
        take_result(result);
    }
    return false;
}

void Session::take_result(PGresult *taken)
{
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(taken, &PQclear);
    const ExecStatusType status = PQresultStatus(taken);
    reply_.tag = PQcmdStatus(taken);
    if (status == PGRES_TUPLES_OK) {
        reply_.rows.clear();
        for (int row = 0; row < PQntuples(taken); ++row) {
            auto &values = reply_.rows.emplace_back();
            for (int column = 0; column < PQnfields(taken); ++column)
                values.push_back(PQgetisnull(taken, row, column)
                                     ? std::nullopt
                                     : std::optional<std::string>(PQgetvalue(taken, row, column)));
        }
    } else if (status != PGRES_COMMAND_OK && reply_.sqlstate.empty()) {
        const char *const sqlstate = PQresultErrorField(taken, PG_DIAG_SQLSTATE);
        reply_.sqlstate = sqlstate ? sqlstate : "08006";
        reply_.error = PQresultErrorMessage(taken);
    }
}

void Session::peek()
{
    for (;;) {
        pollfd descriptor{.fd = socket(), .events = POLLIN, .revents = 0};
        if (is_lost() || poll(&descriptor, 1, 0) <= 0 || !PQconsumeInput(connection_.get()))
            return;
    }
}

std::optional<Reply> Session::finish(int limit_ms)
{
    const auto give_up = steady_clock::now() + milliseconds(limit_ms);
    while (!has_ended()) {
        const auto left = std::chrono::ceil<milliseconds>(give_up - steady_clock::now());
        if (left <= milliseconds(0))
            return std::nullopt;
        wait_for_any({this}, static_cast<int>(left.count()));
    }
    is_running_ = false;
    reply_.is_lost = reply_.is_lost || is_lost();
    return std::move(reply_);
}

Reply Session::run(const std::string &statement)
{
    start(statement);
    std::optional<Reply> reply = finish(60'000);
    if (reply && reply->sqlstate == "57014")
        return run(statement);
    if (!reply || !reply->is_done())
        throw std::runtime_error(statement + ": " + (reply ? reply->error : "it does not end"));
    return *std::move(reply);
}

std::string Session::value(const std::string &statement)
{
    return run(statement).rows.at(0).at(0).value_or("");
}

void wait_for_any(const std::vector<Session *> &sessions, int limit_ms)
{
    std::vector<pollfd> descriptors;
    for (const Session *session : sessions)
        if (session->is_running())
            descriptors.push_back({.fd = session->socket(), .events = POLLIN, .revents = 0});
    poll(descriptors.data(), descriptors.size(), std::clamp(limit_ms, 0, 200));
}

} // namespace chaos
