#include "postgres.hpp"

#include <stdexcept>
#include <vector>

namespace bench {

namespace {

std::vector<const char *> texts_of(Database::Parameters parameters)
{
    std::vector<const char *> texts;
    for (const std::string &parameter : parameters)
        texts.push_back(parameter.c_str());
    return texts;
}

} // namespace

Database::Database() : connection_(PQconnectdb(""), &PQfinish)
{
    if (PQstatus(connection_.get()) != CONNECTION_OK)
        throw std::runtime_error(PQerrorMessage(connection_.get()));
}

Result Database::run(const char *sql, Parameters parameters)
{
    const std::vector<const char *> texts = texts_of(parameters);
    return checked(PQexecParams(connection_.get(), sql, static_cast<int>(texts.size()), nullptr, texts.data(), nullptr,
                                nullptr, 0));
}

void Database::prepare(const char *name, const char *sql)
{
    checked(PQprepare(connection_.get(), name, sql, 0, nullptr));
}

Result Database::run_prepared(const char *name, Parameters parameters)
{
    const std::vector<const char *> texts = texts_of(parameters);
    return checked(
        PQexecPrepared(connection_.get(), name, static_cast<int>(texts.size()), texts.data(), nullptr, nullptr, 0));
}

void Database::send_prepared(const char *name, Parameters parameters)
{
    const std::vector<const char *> texts = texts_of(parameters);
    if (!PQsendQueryPrepared(connection_.get(), name, static_cast<int>(texts.size()), texts.data(), nullptr, nullptr,
                             0))
        throw std::runtime_error(PQerrorMessage(connection_.get()));
}

bool Database::is_busy()
{
    if (!PQconsumeInput(connection_.get()))
        throw std::runtime_error(PQerrorMessage(connection_.get()));
    return PQisBusy(connection_.get()) != 0;
}

Result Database::receive()
{
    Result result = checked(PQgetResult(connection_.get()));
    while (PGresult *const next = PQgetResult(connection_.get()))
        PQclear(next);
    return result;
}

Result Database::checked(PGresult *result)
{
    Result checked(result);
    const ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        throw std::runtime_error(PQerrorMessage(connection_.get()));
    return checked;
}

} // namespace bench
