#pragma once
// What one script at a time plays on: a simulator, a foreign server that points at it, and sessions.

#include "driver/program.hpp"
#include "driver/session.hpp"
#include "script.hpp"
#include "simulator.hpp"

#include <memory>
#include <string>
#include <vector>

namespace chaos {

using driver::Reply;
using driver::Session;
using driver::wait_for_any;

/// Makes extension, crew relations and roles, once in a database.
void prepare_database(const std::string &conninfo);

class Lane {
public:
    static constexpr int session_count = 5;

    /// `program` is the path of flexsim. `number` tells it from the other lanes of the database.
    Lane(const std::string &conninfo, const std::string &program, int number);

    /// Sets the options of the foreign servers.
    void configure(const Options &options);

    /// The settings of a script in all sessions; every second one goes through the second server, if the script has
    /// two.
    void use(const Script &script);

    /// Both foreign servers, as a list of SQL.
    std::string servers() const { return "'" + server + "', '" + second_server + "'"; }

    /// Holds locks on rows over what comes, until they are given back.
    void lock_rows(const std::string &statement);
    void give_rows_back();
    bool has_locked_rows() const { return has_locked_rows_; }

    /// The next sync of the session has this token.
    void set_token(int session, const std::string &token);

    /// Connects a session again where it was lost, or its backend is among these. True if so.
    bool revive(int session, const std::vector<int> &ended);

    /// Connects all sessions again, whatever they were doing, and returns when what they did has ended.
    void start_over();

    /// Returns when the backends have ended.
    void wait_for_end_of(const std::vector<int> &pids);

    driver::Program flexsim;
    Simulator simulator;               ///< which that program is
    std::string server, second_server; ///< two of one Flex
    Session admin;
    std::vector<std::unique_ptr<Session>> sessions;

private:
    Session locker_;
    bool has_locked_rows_ = false;
};

} // namespace chaos
