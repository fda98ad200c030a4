#pragma once
// A session of the server: statements are started and waited for later, and may end in any way.

#include <chrono>
#include <initializer_list>
#include <libpq-fe.h>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace driver {

/// How a statement ended.
class Reply {
public:
    using Row = std::vector<std::optional<std::string>>;

    bool is_done() const { return !is_lost && sqlstate.empty(); }

    /// All values of the last statement that returned rows.
    std::vector<Row> rows() const;

    /// The value of a column in the first of these rows, empty if it is null.
    std::string at(const char *column) const;

    bool is_lost = false;      ///< the connection ended before an answer came
    std::string sqlstate = {}; ///< of the error; empty: there was none
    std::string error = {};    ///< all of its text
    std::string tag = {};      ///< of the last command

private:
    friend class Session;

    std::unique_ptr<PGresult, decltype(&PQclear)> rows_{nullptr, &PQclear};
};

class Session {
public:
    /// Text, by the parameters' numbers.
    using Parameters = std::initializer_list<std::string>;

    /// Connects, for up to a minute if the server is not there yet. What `conninfo` leaves out, the environment says
    /// (PGHOST and so on).
    explicit Session(std::string conninfo = "");

    /// Several statements are one, if they have no parameters.
    void start(const std::string &statement, Parameters parameters = {});
    void start_prepared(const std::string &name, Parameters parameters = {});

    /// Takes what has come; true once the statement has ended.
    bool has_ended();

    /// Waits for the end; none after that time.
    std::optional<Reply> finish(std::chrono::milliseconds limit);

    /// Waits for the end of what does not fail: throws a std::runtime_error if it does, or takes longer.
    Reply result(std::chrono::milliseconds limit = std::chrono::minutes(1));

    /// Starts what does not fail, and waits for its end. A cancel that was meant for what ran before is not heard.
    Reply run(const std::string &statement, Parameters parameters = {});
    void prepare(const std::string &name, const std::string &statement);
    Reply run_prepared(const std::string &name, Parameters parameters = {});

    /// The first value of the first row.
    std::string value(const std::string &statement);

    /// Takes what the server sent unasked, such as the end of the connection.
    void peek();

    bool is_running() const { return is_running_; }
    bool is_lost() const { return PQstatus(connection_.get()) != CONNECTION_OK; }

    /// The server process of this connection, also once it is lost.
    int pid() const { return pid_; }
    int socket() const { return PQsocket(connection_.get()); }

    /// A new connection in the place of this one.
    void connect();

    /// Runs these settings, now and in every new connection.
    void use(const std::string &settings);

private:
    void begin(const std::string &what);
    void take_result(PGresult *result);
    Reply checked(std::optional<Reply> reply) const;

    std::string conninfo_;
    std::string settings_;
    std::unique_ptr<PGconn, decltype(&PQfinish)> connection_{nullptr, &PQfinish};
    int pid_ = 0;
    bool is_running_ = false;
    std::string statement_; ///< that was started last
    Reply reply_;
};

/// Waits until one of the running sessions has something to read, or the time is over.
void wait_for_any(const std::vector<Session *> &sessions, int limit_ms);

} // namespace driver
