#include "lane.hpp"

#include <algorithm>
#include <stdexcept>

namespace chaos {

namespace {

std::string role_of(int session)
{
    return "chaos_" + std::to_string(session);
}

std::string conninfo_of(const std::string &conninfo, int session, const std::string &server)
{
    return conninfo + " user=" + role_of(session) + " options='-c flex_sync.server=" + server + "'";
}

/// Where a simulator listens, of what it says of that.
std::string root_in(const std::string &line)
{
    const std::size_t begin = line.find("http://");
    return line.substr(begin, line.find("/f5/api") - begin);
}

} // namespace

void prepare_database(const std::string &conninfo)
{
    Session session(conninfo);
    session.run("CREATE EXTENSION flex_sync");
    session.run("CREATE SERVER flex FOREIGN DATA WRAPPER flex_sync OPTIONS (url 'http://127.0.0.1')");
    session.run("SELECT * FROM flex_sync_setup()");
    session.run("ALTER TABLE flex_crew_assignments ALTER COLUMN flex_line_item_id DROP NOT NULL");
    // What an application hangs onto rows: the one speaks at once, the other at commit.
    session.run("CREATE TABLE chaos_note (assignment_id uuid PRIMARY KEY REFERENCES flex_crew_assignments (id))");
    session.run("CREATE TABLE chaos_bill (assignment_id uuid PRIMARY KEY REFERENCES flex_crew_assignments (id) "
                "DEFERRABLE INITIALLY DEFERRED)");
    for (int i = 0; i < Lane::session_count; ++i)
        session.run("CREATE ROLE " + role_of(i) + " SUPERUSER LOGIN");
}

Lane::Lane(const std::string &conninfo, const std::string &program, int number)
    : flexsim("'" + program + "' --end-with-parent --threads 100"), simulator(root_in(flexsim.read_line())),
      server("chaos_" + std::to_string(number)), second_server(server + "_too"), admin(conninfo), locker_(conninfo)
{
    for (const std::string &name : {server, second_server})
        admin.run("CREATE SERVER " + name + " FOREIGN DATA WRAPPER flex_sync OPTIONS (url '" + simulator.url() +
                  "', connect_timeout '2s', deadline '1s', request_timeout '1s', retries '0', max_parallel '1', "
                  "max_removals '1', prune 'all', bulk_delete 'off')");
    for (int i = 0; i < session_count; ++i) {
        for (const std::string &name : {server, second_server})
            admin.run("CREATE USER MAPPING FOR " + role_of(i) + " SERVER " + name + " OPTIONS (token 'none')");
        sessions.push_back(std::make_unique<Session>(conninfo_of(conninfo, i, server)));
    }
}

void Lane::configure(const Options &options)
{
    for (const std::string &name : {server, second_server})
        admin.run("ALTER SERVER " + name + " OPTIONS (SET deadline '" + std::to_string(options.deadline_ms) +
                  "', SET request_timeout '" + std::to_string(options.request_timeout_ms) + "', SET retries '" +
                  std::to_string(options.retries) + "', SET max_parallel '" + std::to_string(options.max_parallel) +
                  "', SET max_removals '" + std::to_string(options.max_removals) + "', SET prune '" + options.prune +
                  "', SET bulk_delete '" + options.bulk_delete + "')");
}

void Lane::use(const Script &script)
{
    for (std::size_t i = 0; i < sessions.size(); ++i)
        sessions[i]->use("RESET ALL; SET flex_sync.server = '" +
                         (script.has_two_servers && i % 2 == 1 ? second_server : server) + "'; " + script.settings);
}

void Lane::set_token(int session, const std::string &token)
{
    simulator.accept_token(token);
    for (const std::string &name : {server, second_server})
        admin.run("ALTER USER MAPPING FOR " + role_of(session) + " SERVER " + name + " OPTIONS (SET token '" + token +
                  "')");
}

void Lane::lock_rows(const std::string &statement)
{
    give_rows_back();
    locker_.run("BEGIN");
    locker_.run(statement);
    has_locked_rows_ = true;
}

void Lane::give_rows_back()
{
    locker_.peek();
    if (locker_.is_lost())
        locker_.connect();
    else if (has_locked_rows_)
        locker_.run("ROLLBACK");
    has_locked_rows_ = false;
}

bool Lane::revive(int session, const std::vector<int> &ended)
{
    Session &revived = *sessions[static_cast<std::size_t>(session)];
    revived.peek();
    if (!revived.is_lost() && std::find(ended.begin(), ended.end(), revived.pid()) == ended.end())
        return false;
    revived.connect();
    return true;
}

void Lane::start_over()
{
    std::vector<int> pids;
    admin.connect();
    give_rows_back();
    for (const auto &session : sessions) {
        pids.push_back(session->pid());
        admin.run("SELECT pg_terminate_backend(" + std::to_string(session->pid()) + ")");
        session->connect();
    }
    wait_for_end_of(pids);
}

void Lane::wait_for_end_of(const std::vector<int> &pids)
{
    for (const int pid : pids)
        for (int tries = 0;
             admin.value("SELECT count(*) FROM pg_stat_activity WHERE pid = " + std::to_string(pid)) != "0"; ++tries) {
            if (tries == 1500)
                throw std::runtime_error("backend " + std::to_string(pid) + " does not end");
            wait_for_any({}, 5);
        }
}

} // namespace chaos
