// Calls of flex_sync_crew, and what is done to them.

#include "player.hpp"

#include <algorithm>

namespace chaos {

namespace {

/// A sync has its deadline, and may wait for those of others.
constexpr int longest_wait_ms = 90'000;

Result result_of(const std::string &text)
{
    rapidjson::Document document;
    document.Parse(text.c_str());
    const Json &row = document;
    Result result{.status = text_in(row, "status").value_or(""),
                  .message = text_in(row, "message").value_or(""),
                  .diagnostics = row.HasMember("diagnostics") ? json_text(row["diagnostics"]) : "",
                  .numbers = {}};
    for (const char *name : {"run_id", "desired", "kept", "adopted", "added", "removed", "stale", "pruned", "roles_set",
                             "skipped", "failed", "passes", "http_requests", "duration_ms"})
        if (const auto member = row.FindMember(name); !(member == row.MemberEnd()) && member->value.IsNumber())
            result.numbers[name] = static_cast<long>(member->value.GetDouble());
    return result;
}

std::string text_of(const Sync &sync)
{
    std::string text;
    for (const Result &result : sync.results) {
        text += " " + result.status + ": " + result.message + " [";
        for (const auto &[name, number] : result.numbers)
            if (number != 0 && name != "duration_ms")
                text += " " + name + " " + std::to_string(number);
        text += " ] " + result.diagnostics;
    }
    return text + (sync.sqlstate.empty() ? "" : " SQLSTATE " + sync.sqlstate);
}

} // namespace

std::string Player::Manner::text() const
{
    std::string text = is_job ? "job" : "call " + call->id;
    if (prune)
        text += ", prune " + *prune;
    if (is_nowait)
        text += ", nowait";
    if (max_removals)
        text += ", max_removals " + std::to_string(*max_removals);
    if (statement_timeout_ms > 0)
        text += ", statement_timeout " + std::to_string(statement_timeout_ms);
    if (lock_timeout_ms > 0)
        text += ", lock_timeout " + std::to_string(lock_timeout_ms);
    return text;
}

std::string Player::Manner::statement(const std::string &job) const
{
    if (is_job)
        return "SELECT row_to_json(r) FROM flex_sync_job('" + job + "'" + (prune ? ", prune => '" + *prune + "'" : "") +
               ") AS r";
    return "SELECT row_to_json(r) FROM flex_sync_crew('" + call->id + "'" +
           (prune ? ", prune => '" + *prune + "'" : "") + (is_nowait ? ", nowait => true" : "") +
           (max_removals ? ", max_removals => " + std::to_string(*max_removals) : "") + ") AS r";
}

Player::Manner Player::manner(Random &dice)
{
    Manner manner{.call = &dice.pick(script_.calls)};
    if (dice.chance(10))
        manner.prune = dice.pick({"all", "owned", "none"});
    manner.is_nowait = dice.chance(12);
    manner.is_job = dice.chance(8);
    if (dice.chance(40))
        manner.max_removals = 1000;
    if (dice.chance(15))
        manner.statement_timeout_ms = dice.between(20, dice.chance(50) ? 300 : 2500);
    if (dice.chance(6))
        manner.lock_timeout_ms = dice.between(20, 500);
    return manner;
}

std::string Player::new_token()
{
    return "canary-" + std::to_string(script_.number) + "-" + std::to_string(++tokens_);
}

void Player::set_timeouts(int session, const Manner &manner)
{
    Manner &now = timeouts_[static_cast<std::size_t>(session)];
    if (now.statement_timeout_ms == manner.statement_timeout_ms && now.lock_timeout_ms == manner.lock_timeout_ms)
        return;
    lane_.sessions[static_cast<std::size_t>(session)]->run(
        "SET statement_timeout = " + std::to_string(manner.statement_timeout_ms) +
        "; SET lock_timeout = " + std::to_string(manner.lock_timeout_ms));
    now = manner;
}

/// Starts a sync; without a token it gets one of its own.
std::size_t Player::begin(int session, const Manner &manner, const std::string &token)
{
    const int pid = lane_.sessions[static_cast<std::size_t>(session)]->pid();
    if (std::find(terminated_.begin(), terminated_.end(), pid) != terminated_.end()) {
        lane_.wait_for_end_of({pid});
        lane_.revive(session, {pid});
        timeouts_[static_cast<std::size_t>(session)] = {};
    }
    set_timeouts(session, manner);
    Sync sync{.token = token.empty() ? new_token() : token,
              .call = manner.call->id,
              .is_nowait = manner.is_nowait,
              .prune = manner.prune.value_or(options_.prune),
              .max_removals = manner.max_removals.value_or(options_.max_removals),
              .request_timeout_ms = options_.request_timeout_ms};
    if (token.empty())
        lane_.set_token(session, sync.token);
    const std::size_t place = record_.syncs.size();
    record_.note("sync " + std::to_string(place) + " begins in session " + std::to_string(session) + " (" +
                 manner.text() + ", " + sync.token + ")");
    sync.began_ms = now_ms();
    record_.syncs.push_back(std::move(sync));
    running_[static_cast<std::size_t>(session)] = place;
    lane_.sessions[static_cast<std::size_t>(session)]->start(manner.statement(script_.job));
    return place;
}

/// Waits for the end of what the session runs.
void Player::end(int session)
{
    const auto place = static_cast<std::size_t>(session);
    if (!running_[place])
        return;
    Sync &sync = record_.syncs[*running_[place]];
    const std::string name = "sync " + std::to_string(*running_[place]);
    // Rows that are locked are waited for no longer than the deadline, that of each sync in turn.
    const int limit_ms =
        lane_.has_locked_rows() ? Lane::session_count * options_.deadline_ms + 10'000 : longest_wait_ms;
    std::optional<Reply> reply = lane_.sessions[place]->finish(std::chrono::milliseconds(limit_ms));
    if (!reply)
        throw Violation(name + " does not end");
    sync.ended_ms = now_ms();
    sync.sqlstate = reply->is_lost && reply->sqlstate.empty() ? "08006" : reply->sqlstate;
    sync.error = reply->error;
    for (const auto &row : reply->rows())
        sync.results.push_back(result_of(row.at(0).value_or("")));
    if (in_transaction_[place] && reply->is_done())
        open_[place].push_back(*running_[place]);
    else
        sync.fate = reply->is_done() ? Fate::Committed : reply->is_lost ? Fate::Unknown : Fate::Undone;
    running_[place].reset();
    if (!sync.sqlstate.empty())
        interrupted_ms_ = sync.ended_ms;
    record_.note(name + " ends:" + text_of(sync));
    check_result(sync);
}

/// Ends the transaction of a session, or goes back to the savepoint in it.
void Player::close_transaction(int session, const std::string &how)
{
    const auto place = static_cast<std::size_t>(session);
    record_.note("session " + std::to_string(session) + ": " + how);
    const Reply reply = lane_.sessions[place]->run(how);
    const Fate fate = reply.tag == "COMMIT" ? Fate::Committed : Fate::Undone;
    for (const std::size_t sync : open_[place])
        record_.syncs[sync].fate = fate;
    open_[place].clear();
    in_transaction_[place] = how.starts_with("ROLLBACK TO");
}

/// One sync, which may be cancelled, or lose its backend.
void Player::sync(Random &dice)
{
    const int session = dice.below(Lane::session_count);
    const int end_of_it = dice.below(100);
    const int delay = moment(dice);
    const Manner manner = this->manner(dice);
    const std::size_t place = begin(session, manner, "");
    Session &running = *lane_.sessions[static_cast<std::size_t>(session)];
    const bool is_disturbed = end_of_it < 25;
    if (is_disturbed) {
        const double until = now_ms() + delay;
        while (!running.has_ended() && now_ms() < until)
            wait_for_any({&running}, static_cast<int>(until - now_ms()) + 1);
        const double asked_ms = now_ms();
        if (end_of_it < 16)
            cancel(session);
        else
            terminate(session);
        end(session);
        if (now_ms() - asked_ms > 8000)
            throw Violation("it took " + seconds(now_ms() - asked_ms) + " s until it was heard");
    }
    end(session);
    revive();

    const Sync &done = record_.syncs[place];
    const bool is_ok = !done.results.empty() && done.fate == Fate::Committed && done.results.front().status == "ok";
    if (is_ok && !manner.is_job && is_calm())
        check_converged(canonical(manner.call->element), done.prune, "after sync " + std::to_string(place));
}

/// Some milliseconds within which a sync has begun and, often, not ended.
int Player::moment(Random &dice) const
{
    return dice.chance(15) ? dice.below(800) : dice.below(20 + 6 * script_.latency_ms);
}

void Player::cancel(int session)
{
    record_.note("pg_cancel_backend for session " + std::to_string(session));
    lane_.admin.run("SELECT pg_cancel_backend(" +
                    std::to_string(lane_.sessions[static_cast<std::size_t>(session)]->pid()) + ")");
}

void Player::terminate(int session)
{
    record_.note("pg_terminate_backend for session " + std::to_string(session));
    terminated_.push_back(lane_.sessions[static_cast<std::size_t>(session)]->pid());
    lane_.admin.run("SELECT pg_terminate_backend(" + std::to_string(terminated_.back()) + ")");
}

/// True if a request may have been sent that Flex has not carried out yet: of a sync, or of one that was interrupted.
bool Player::may_be_under_way() const
{
    const bool is_syncing =
        std::any_of(running_.begin(), running_.end(), [](const auto &sync) { return sync.has_value(); });
    return is_syncing || may_act_late_ || now_ms() < interrupted_ms_ + 2 * script_.latency_ms + 100;
}

/// New sessions for those that were lost, once their backends are gone.
void Player::revive()
{
    lane_.wait_for_end_of(terminated_);
    for (int session = 0; session < Lane::session_count; ++session)
        if (lane_.revive(session, terminated_))
            timeouts_[static_cast<std::size_t>(session)] = {};
    terminated_.clear();
}

/// True if Flex shows what is so, and nothing is still on its way.
bool Player::is_calm() const
{
    const double now = now_ms();
    return !may_act_late_ && !record_.had_spell("lie", now, now) && !record_.had_spell("lag", now, now) &&
           !record_.had_spell("hidden", now, now) && !record_.had_spell("vanish", now, now);
}

} // namespace chaos
