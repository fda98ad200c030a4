#include "session.hpp"

#include <algorithm>
#include <chrono>
#include <poll.h>
#include <stdexcept>
#include <thread>

namespace driver {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

std::vector<const char *> texts_of(Session::Parameters parameters)
{
    std::vector<const char *> texts;
    for (const std::string &parameter : parameters)
        texts.push_back(parameter.c_str());
    return texts;
}

} // namespace

std::vector<Reply::Row> Reply::rows() const
{
    std::vector<Row> rows(static_cast<std::size_t>(PQntuples(rows_.get())));
    for (std::size_t row = 0; row < rows.size(); ++row)
        for (int column = 0; column < PQnfields(rows_.get()); ++column) {
            const int place = static_cast<int>(row);
            rows[row].push_back(PQgetisnull(rows_.get(), place, column)
                                    ? std::nullopt
                                    : std::optional<std::string>(PQgetvalue(rows_.get(), place, column)));
        }
    return rows;
}

std::string Reply::at(const char *column) const
{
    const int place = PQfnumber(rows_.get(), column);
    if (PQntuples(rows_.get()) == 0 || place < 0)
        throw std::runtime_error(std::string("no row has a column ") + column);
    return PQgetvalue(rows_.get(), 0, place);
}

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

void Session::begin(const std::string &what)
{
    reply_ = {};
    is_running_ = true;
    statement_ = what;
}

void Session::start(const std::string &statement, Parameters parameters)
{
    begin(statement);
    const std::vector<const char *> texts = texts_of(parameters);
    // Only without parameters may there be several.
    const int sent = texts.empty()
                         ? PQsendQuery(connection_.get(), statement.c_str())
                         : PQsendQueryParams(connection_.get(), statement.c_str(), static_cast<int>(texts.size()),
                                             nullptr, texts.data(), nullptr, nullptr, 0);
    reply_.is_lost = !sent;
}

void Session::start_prepared(const std::string &name, Parameters parameters)
{
    begin(name);
    const std::vector<const char *> texts = texts_of(parameters);
    reply_.is_lost = !PQsendQueryPrepared(connection_.get(), name.c_str(), static_cast<int>(texts.size()), texts.data(),
                                          nullptr, nullptr, 0);
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
    std::unique_ptr<PGresult, decltype(&PQclear)> result(taken, &PQclear);
    const ExecStatusType status = PQresultStatus(taken);
    reply_.tag = PQcmdStatus(taken);
    if (status == PGRES_TUPLES_OK) {
        reply_.rows_ = std::move(result);
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

std::optional<Reply> Session::finish(milliseconds limit)
{
    const auto give_up = steady_clock::now() + limit;
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

Reply Session::checked(std::optional<Reply> reply) const
{
    if (!reply || !reply->is_done())
        throw std::runtime_error(statement_ + ": " + (reply ? reply->error : "it does not end"));
    return *std::move(reply);
}

Reply Session::result(milliseconds limit)
{
    return checked(finish(limit));
}

Reply Session::run(const std::string &statement, Parameters parameters)
{
    start(statement, parameters);
    std::optional<Reply> reply = finish(std::chrono::minutes(1));
    if (reply && reply->sqlstate == "57014")
        return run(statement, parameters);
    return checked(std::move(reply));
}

void Session::prepare(const std::string &name, const std::string &statement)
{
    begin(statement);
    reply_.is_lost = !PQsendPrepare(connection_.get(), name.c_str(), statement.c_str(), 0, nullptr);
    result();
}

Reply Session::run_prepared(const std::string &name, Parameters parameters)
{
    start_prepared(name, parameters);
    return result();
}

std::string Session::value(const std::string &statement)
{
    return run(statement).rows().at(0).at(0).value_or("");
}

void wait_for_any(const std::vector<Session *> &sessions, int limit_ms)
{
    std::vector<pollfd> descriptors;
    for (const Session *session : sessions)
        if (session->is_running())
            descriptors.push_back({.fd = session->socket(), .events = POLLIN, .revents = 0});
    poll(descriptors.data(), descriptors.size(), std::clamp(limit_ms, 0, 200));
}

} // namespace driver
