#pragma once
// A session of the server: statements are started and waited for later, and may end in any way.

#include <libpq-fe.h>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace chaos {

/// How a statement ended.
struct Reply {
    bool is_lost = false;                                           ///< the connection ended before an answer came
    std::string sqlstate = {};                                      ///< of the error; empty: there was none
    std::string error = {};                                         ///< all of its text
    std::string tag = {};                                           ///< of the last command
    std::vector<std::vector<std::optional<std::string>>> rows = {}; ///< of the last statement that returned rows

    bool is_done() const { return !is_lost && sqlstate.empty(); }
};

class Session {
public:
    /// Connects, for up to a minute if the server is not there yet.
    explicit Session(std::string conninfo);

    void start(const std::string &statement);

    /// Takes what has come; true once the statement has ended.
    bool has_ended();

    /// Waits for the end; none after so many milliseconds.
    std::optional<Reply> finish(int limit_ms);

    /// Both, for what does not fail: throws a std::runtime_error if it does, or takes a minute. A cancel that was meant
    /// for what ran before is not heard.
    Reply run(const std::string &statement);

    /// The first value of the first row.
    std::string value(const std::string &statement);

    /// Takes what the server sent unasked, such as the end of the connection.
    void peek();

    bool is_running() const { return is_running_; }
    bool is_lost() const { return PQstatus(connection_.get()) != CONNECTION_OK; }
    int pid() const { return pid_; }
    int socket() const { return PQsocket(connection_.get()); }

    /// A new connection in the place of this one.
    void connect();

    /// Runs these settings, now and in every new connection.
    void use(const std::string &settings);

private:
    void take_result(PGresult *result);

    std::string conninfo_;
    std::string settings_;
    std::unique_ptr<PGconn, decltype(&PQfinish)> connection_{nullptr, &PQfinish};
    int pid_ = 0;
    bool is_running_ = false;
    Reply reply_;
};

/// Waits until one of the running sessions has something to read, or the time is over.
void wait_for_any(const std::vector<Session *> &sessions, int limit_ms);

} // namespace chaos
