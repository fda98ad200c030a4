#include "pg/crew/crew_run.hpp"

#include "flex/url.hpp"
#include "pg/server/time_limit.hpp"

#include <algorithm>

#include "pg/server/wall.hpp"

namespace pg {

using std::chrono::steady_clock;

namespace {

/// Draws the run's id, and shows that it begins, before the moment of that is taken.
std::int64_t begin_run(CrewSession &session, const std::string &account)
{
    show_run(account);
    const std::int64_t run_id = next_run_id(session.statements, session.own);
    show_run_id(run_id);
    return run_id;
}

Run run_of(CrewSession &session, const SyncPolicy &policy)
{
    const std::string account = flex::account_url(session.connection.options.url);
    return {.run_id = begin_run(session, account),
            .call = session.call,
            .server = session.connection.server,
            .url = account,
            .prune = policy.prune,
            .max_removals = policy.max_removals,
            .started_at = current_timestamp()};
}

} // namespace

CrewRun::CrewRun(CrewSession &session, const SyncPolicy &policy, FlexLink &link)
    : session_(session), link_(link), element_(session.element()), running_(element_), begun_(link.clock.now()),
      run_(run_of(session, policy)), journal_(session.connection, session.own, run_, element_),
      budget_(link.budget), policy_{.prune = policy.prune,
                                    .max_removals = policy.max_removals,
                                    .deadline = time_limit(begun_, session.connection.options.deadline),
                                    .budget = &budget_,
                                    .journal = journal_.in_use(),
                                    .deletes_in_bulk = !session.connection.options.http.bulk_delete.empty()},
      store_(session.statements, session.relations, session.own, session.connection.server, element_),
      sync_(policy_, store_, link.clock), before_{link.client.requests_sent(), link.client.repeats()}
{
}

void CrewRun::bound_waits()
{
    session_.statements.wait_for_locks_until(policy_.deadline);
}

void CrewRun::carry_out()
{
    if (begin())
        go_on(std::move(link_.client.list({&element_, 1}, deadline(), [this] { meanwhile(); }).front()));
    link_.repeats.release();
}

bool CrewRun::begin()
{
    bound_waits();
    journal_.prepare();
    core::Want want = sync_.begin();
    if (core::SyncResult *const end = std::get_if<core::SyncResult>(&want))
        run_.result = std::move(*end);
    return std::holds_alternative<core::WantsListing>(want);
}

void CrewRun::meanwhile()
{
    bound_waits();
    settle(session_.statements, session_.own, lock_key(element_), *run_.run_id);
    sync_.meanwhile();
}

void CrewRun::go_on(core::Listing first)
{
    bound_waits();
    before_ = {link_.client.requests_sent() - first.requests, link_.client.repeats() - std::max(0, first.requests - 1)};
    run_.result = core::carry_through(sync_, sync_.listed(std::move(first)), element_, link_.client, link_.clock);
}

void CrewRun::leave_out(steady_clock::duration time)
{
    begun_ += time;
    policy_.deadline = time_limit(begun_, session_.connection.options.deadline);
}

void CrewRun::fail(const std::string &sqlstate, const std::string &message)
{
    run_.result = {.status = core::Status::Failed,
                   .http_requests = link_.client.requests_sent() - before_.requests,
                   .message = "The database refused the sync, and nothing was changed. " + message + "."};
    run_.result.counts.failed = 1;
    run_.result.diagnostics.push_back({.action = "sync", .code = sqlstate, .message = message});
}

SyncRow CrewRun::log()
{
    run_.status = core::name_of(run_.result.status);
    run_.duration_ms = std::chrono::duration<double, std::milli>(steady_clock::now() - begun_).count();
    bound_waits();
    const bool is_journaled = journal_.close(policy_.deadline);
    if (std::optional<core::Diagnostic> trouble = journal_.trouble())
        run_.result.diagnostics.push_back(*std::move(trouble));
    SyncRow row = row_of(run_);
    try {
        store_.run_guarded([&] { write_log(session_.statements, session_.own, run_, row); });
        if (is_journaled)
            clear_journal(session_.statements, session_.own, *run_.run_id);
    } catch (const core::DatabaseError &error) {
        run_.result.counts.failed += 1;
        run_.result.diagnostics.push_back(
            {.action = "log", .code = error.sqlstate(), .message = "The run could not be logged: " + error.message()});
        run_.status = core::name_of(core::Status::Partial);
        row = row_of(run_);
    }
    session_.statements.wait_for_locks_until(std::nullopt);
    budget_.release();
    log_to_server(run_, link_.client.repeats() - before_.repeats);
    return row;
}

SyncRow row_without_run(const CrewCall &call, const char *status, std::string message)
{
    return {.call_id = call.id, .status = status, .message = std::move(message)};
}

} // namespace pg
