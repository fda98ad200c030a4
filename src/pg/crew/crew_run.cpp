#include "pg/crew/crew_run.hpp"

#include "flex/url.hpp"
#include "pg/server/encoding.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/time_limit.hpp"

#include <algorithm>

#include "pg/server/wall.hpp"

namespace pg {

using std::chrono::steady_clock;

namespace {

RowValues values_of(const Run &run)
{
    const core::SyncResult &result = run.result;
    return {{"run_id", run.run_id ? std::optional(std::to_string(*run.run_id)) : std::nullopt},
            {"crew_call_id", run.call.id.empty() ? std::nullopt : std::optional(run.call.id)},
            {"status", run.status},
            {"desired", std::to_string(result.desired)},
            {"kept", std::to_string(result.kept)},
            {"adopted", std::to_string(result.adopted)},
            {"added", std::to_string(result.added)},
            {"removed", std::to_string(result.removed)},
            {"stale", std::to_string(result.stale)},
            {"pruned", std::to_string(result.pruned)},
            {"roles_set", std::to_string(result.roles_set)},
            {"skipped", std::to_string(result.skipped)},
            {"failed", std::to_string(result.failed)},
            {"passes", std::to_string(result.passes)},
            {"http_requests", std::to_string(result.http_requests)},
            {"duration_ms", std::to_string(run.duration_ms)},
            {"message", storable(result.message)},
            {"diagnostics", diagnostics_json(result)},
            {"retained", std::to_string(result.retained)}};
}

/// Draws the run's id, and shows that it begins, before the moment of that is taken.
std::int64_t begin_run(CrewSession &session, const std::string &account)
{
    show_run(account);
    return next_run_id(session.statements, session.own);
}

} // namespace

CrewRun::CrewRun(CrewSession &session, const SyncPolicy &policy, const SyncTools &tools)
    : session_(session), tools_(tools), element_(session.element()), running_(element_), begun_(steady_clock::now()),
      account_(flex::account_url(session.connection.options.url)), run_{.run_id = begin_run(session, account_),
                                                                        .call = session.call,
                                                                        .server = session.connection.server,
                                                                        .url = account_,
                                                                        .prune = policy.prune,
                                                                        .max_removals = policy.max_removals,
                                                                        .started_at = current_timestamp()},
      budget_(tools.budget), policy_{.prune = policy.prune,
                                     .max_removals = policy.max_removals,
                                     .deadline = tools.deadline,
                                     .budget = &budget_},
      store_(session.statements, session.relations, session.own, session.connection.server, element_, guard_),
      sync_(element_, policy_, store_, tools.flex, tools.clock)
{
}

/// The deadline holds for the database's locks too.
void CrewRun::bound_waits()
{
    session_.statements.wait_for_locks_until(policy_.deadline);
}

bool CrewRun::read()
{
    bound_waits();
    requests_before_ = tools_.flex.requests_sent();
    repeats_before_ = tools_.flex.repeats();
    std::optional<core::SyncResult> end = sync_.read();
    if (!end)
        return true;
    run_.result = *std::move(end);
    return false;
}

void CrewRun::read_known()
{
    bound_waits();
    sync_.read_known();
}

void CrewRun::leave_out(steady_clock::duration time)
{
    begun_ += time;
    policy_.deadline = time_limit(begun_, session_.connection.options.deadline);
}

void CrewRun::run(core::Listing first)
{
    bound_waits();
    requests_before_ = tools_.flex.requests_sent() - first.requests;
    repeats_before_ = tools_.flex.repeats() - std::max(0, first.requests - 1);
    run_.result = sync_.run_on(std::move(first));
}

void CrewRun::fail(const std::string &sqlstate, const std::string &message)
{
    run_.result = {};
    run_.result.status = core::Status::Failed;
    run_.result.failed = 1;
    run_.result.http_requests = tools_.flex.requests_sent() - requests_before_;
    run_.result.message = "The database refused the sync, and nothing was changed. " + message + ".";
    run_.result.diagnostics.push_back({.action = "sync", .code = sqlstate, .message = message});
}

SyncRow CrewRun::log()
{
    run_.status = core::name_of(run_.result.status);
    run_.duration_ms = std::chrono::duration<double, std::milli>(steady_clock::now() - begun_).count();
    bound_waits();
    RowValues values = values_of(run_);
    try {
        guard_.run([&] { write_log(session_.statements, session_.own, run_, values); });
    } catch (const core::DatabaseError &error) {
        run_.result.failed += 1;
        run_.result.diagnostics.push_back(
            {.action = "log", .code = error.sqlstate(), .message = "The run could not be logged: " + error.message()});
        run_.status = core::name_of(core::Status::Partial);
        values = values_of(run_);
    }
    session_.statements.wait_for_locks_until(std::nullopt);
    budget_.release();
    log_to_server(run_, tools_.flex.repeats() - repeats_before_);
    return {.values = std::move(values),
            .status = run_.status,
            .timed_out = run_.result.timed_out,
            .retry_after = run_.result.retry_after,
            .never_fits = run_.result.never_fits,
            .first_diagnostic = run_.result.diagnostics.empty() ? "" : run_.result.diagnostics.front().message};
}

SyncRow row_without_run(const CrewCall &call, const char *status, std::string message)
{
    Run run{.status = status, .call = call};
    run.result.message = std::move(message);
    return {.values = values_of(run), .status = status};
}

} // namespace pg
