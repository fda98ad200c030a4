#pragma once
// A connection to Postgres as the benchmarks use it: text in, text out; an error is an exception. Where to
// connect is said by the environment (PGHOST and so on).

#include <initializer_list>
#include <libpq-fe.h>
#include <memory>
#include <string>

namespace bench {

class Result {
public:
    explicit Result(PGresult *result) : result_(result, &PQclear) {}

    int rows() const { return PQntuples(result_.get()); }

    /// The value of a column in the first row.
    std::string at(const char *column) const { return PQgetvalue(result_.get(), 0, PQfnumber(result_.get(), column)); }

private:
    std::unique_ptr<PGresult, decltype(&PQclear)> result_;
};

class Database {
public:
    using Parameters = std::initializer_list<std::string>;

    Database();

    Result run(const char *sql, Parameters parameters = {});
    void prepare(const char *name, const char *sql);
    Result run_prepared(const char *name, Parameters parameters = {});

    /// The same in two halves, to do something else meanwhile.
    void send_prepared(const char *name, Parameters parameters = {});
    bool is_busy();
    Result receive();

    /// The server process of this connection.
    int pid() const { return PQbackendPID(connection_.get()); }

private:
    Result checked(PGresult *result);

    std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
};

} // namespace bench
