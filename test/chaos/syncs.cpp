// Calls of flex_sync_crew, and what is done to them.

#include "player.hpp"

#include <algorithm>
#include <csignal>

namespace chaos {

namespace {

/// A sync has its deadline, and may wait for those of others.
constexpr int longest_wait_ms = 90'000;

Result result_of(const std::string &text)
{
    rapidjson::Document row;
    row.Parse(text.c_str());
    Result result{.status = text_in(row, "status").value_or(""),
                  .message = text_in(row, "message").value_or(""),
                  .diagnostics = row.HasMember("diagnostics") ? json_text(row["diagnostics"]) : "",
                  .numbers = {}};
    for (const auto &member : row.GetObject())
        if (member.value.IsNumber())
            result.numbers[member.name.GetString()] = static_cast<long>(member.value.GetDouble());
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
    std::optional<Reply> reply = lane_.sessions[place]->finish(longest_wait_ms);
    if (!reply)
        throw Violation(name + " does not end");
    sync.ended_ms = now_ms();
    sync.sqlstate = reply->is_lost && reply->sqlstate.empty() ? "08006" : reply->sqlstate;
    sync.error = reply->error;
    for (const auto &row : reply->rows)
        sync.results.push_back(result_of(row.at(0).value_or("")));
    if (in_transaction_[place] && reply->is_done())
        open_[place].push_back(*running_[place]);
    else
        sync.fate = reply->is_done() ? Fate::Committed : reply->is_lost ? Fate::Unknown : Fate::Undone;
    running_[place].reset();
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

/// What happens while syncs run. True if it changes what they are to make.
bool Player::meanwhile(Random &dice, bool may_change)
{
    const int session = dice.below(Lane::session_count);
    const int what = dice.below(may_change ? 9 : 4);
    switch (what) {
    case 0:
    case 1:
        cancel(session);
        break;
    case 2:
        terminate(session);
        break;
    case 3:
        record_.note("held requests go on");
        lane_.simulator.release();
        break;
    case 4:
        desire(dice, lane_.admin, 2);
        break;
    case 5:
        withdraw(dice, lane_.admin);
        break;
    case 6:
        flex_delete(dice);
        break;
    case 7:
        flex_add(dice);
        break;
    default:
        change_desired(dice, false);
    }
    return what > 3;
}

/// Several syncs at once, most of them of one call, while other things happen.
void Player::together(Random &dice)
{
    const int count = dice.between(2, Lane::session_count);
    const CrewCall &call = dice.pick(script_.calls);
    const bool may_change = dice.chance(70);
    double changed_ms = 0;
    std::vector<Session *> sessions;
    std::vector<std::size_t> begun;
    const auto let_something_happen = [&] {
        const auto is_running = [](Session *session) { return !session->has_ended(); };
        const double until = now_ms() + moment(dice);
        while (now_ms() < until && std::any_of(sessions.begin(), sessions.end(), is_running))
            wait_for_any(sessions, static_cast<int>(until - now_ms()) + 1);
        if (meanwhile(dice, may_change))
            changed_ms = now_ms();
    };
    for (int session = 0; session < count; ++session) {
        if (session > 0 && dice.chance(35))
            let_something_happen();
        Manner manner = this->manner(dice);
        if (dice.chance(75))
            manner.call = &call;
        manner.is_job = manner.is_job && script_.calls.size() > 1;
        begun.push_back(begin(session, manner, ""));
        sessions.push_back(lane_.sessions[static_cast<std::size_t>(session)].get());
    }
    for (int events = dice.below(3); events > 0; --events)
        let_something_happen();
    for (int session = 0; session < count; ++session)
        end(session);
    revive();
    learn();
    if (is_calm())
        check_together(begun, changed_ms);
}

/// What one of them found in order since the last change still is (I8). The strictest of them counts.
void Player::check_together(const std::vector<std::size_t> &begun, double changed_ms)
{
    for (const std::string &element : script_.elements) {
        std::optional<std::string> prune;
        for (const std::size_t place : begun) {
            const Sync &sync = record_.syncs[place];
            const bool is_of_element = calls_of(element).find(sync.call) != std::string::npos;
            if (!is_of_element || sync.began_ms < changed_ms || sync.fate != Fate::Committed ||
                sync.results.size() != 1)
                continue;
            if (sync.results[0].status == "ok" || sync.results[0].status == "coalesced")
                prune = prune == "all" ? *prune : sync.prune;
        }
        if (prune)
            check_converged(element, *prune, "after syncs at once");
    }
}

/// Syncs within a transaction, perhaps of a crew that changes in it, while others want the same crew.
void Player::transaction(Random &dice)
{
    const int session = dice.below(Lane::session_count - 1);
    const auto place = static_cast<std::size_t>(session);
    const int other = Lane::session_count - 1;
    Session &holder = *lane_.sessions[place];
    const std::string token = new_token();
    lane_.set_token(session, token);
    set_timeouts(session, {});
    record_.note("session " + std::to_string(session) + ": BEGIN");
    holder.run("BEGIN");
    in_transaction_[place] = true;
    if (dice.chance(40))
        dice.chance(50) ? desire(dice, holder, 2) : withdraw(dice, holder);

    // One crew only: two would have to be locked in the order of their keys.
    const CrewCall &call = dice.pick(script_.calls);
    bool has_failed = false;
    bool has_savepoint = false;
    for (int syncs = dice.between(1, 3); syncs > 0 && !has_failed; --syncs) {
        if (!has_savepoint && dice.chance(35)) {
            record_.note("session " + std::to_string(session) + ": SAVEPOINT");
            holder.run("SAVEPOINT s");
            has_savepoint = true;
            // What came before it stays, or not, with the transaction.
            for (const std::size_t sync : open_[place])
                record_.syncs[sync].fate = Fate::Unknown;
            open_[place].clear();
        }
        Manner manner = this->manner(dice);
        manner.call = &call;
        manner.is_job = false;
        manner.statement_timeout_ms = manner.lock_timeout_ms = 0;
        const std::size_t begun = begin(session, manner, token);
        const bool is_cancelled = dice.chance(15);
        if (is_cancelled) {
            wait_for_any({&holder}, moment(dice));
            cancel(session);
        }
        end(session);
        has_failed = !record_.syncs[begun].sqlstate.empty();
        if (!has_failed && record_.syncs[begun].results.front().status != "busy")
            check_lock(call, session);
        if (is_cancelled && !has_failed) {
            // The cancel may be late.
            holder.start("SELECT 1");
            has_failed = !holder.finish(longest_wait_ms).value().is_done();
        }
        if (has_savepoint && dice.chance(40)) {
            close_transaction(session, "ROLLBACK TO s");
            has_failed = false;
        }
    }
    const bool has_waiter = dice.chance(35);
    if (has_waiter) {
        Manner manner = this->manner(dice);
        manner.call = &call;
        manner.is_job = false;
        begin(other, manner, "");
        wait_for_any({lane_.sessions[static_cast<std::size_t>(other)].get()}, 30);
    }
    if (dice.chance(12)) {
        terminate(session);
        for (const std::size_t sync : open_[place])
            record_.syncs[sync].fate = Fate::Undone;
        open_[place].clear();
        in_transaction_[place] = false;
    } else {
        close_transaction(session, has_failed || dice.chance(50) ? "ROLLBACK" : "COMMIT");
    }
    end(other);
    revive();
}

/// The lock of a crew is held until the transaction that synced it ends.
void Player::check_lock(const CrewCall &call, int session)
{
    Session &holder = *lane_.sessions[static_cast<std::size_t>(session)];
    if (lane_.admin.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = " +
                          std::to_string(holder.pid()) +
                          " AND objsubid = 1 AND (classid::bigint << 32) | objid::bigint = "
                          "flex_sync_lock_key('" +
                          call.id + "')") == "0")
        throw Violation("the lock of a crew was given back before the end of the transaction that synced it");
}

/// kill -9 of a backend in a sync: the server ends all sessions, recovers and goes on.
void Player::crash(Random &dice)
{
    const int count = dice.between(1, 3);
    for (int session = 0; session < count; ++session)
        begin(session, manner(dice), "");
    Session &victim = *lane_.sessions[0];
    const double until = now_ms() + moment(dice);
    while (now_ms() < until && !victim.has_ended())
        wait_for_any({&victim}, static_cast<int>(until - now_ms()) + 1);
    record_.note("kill -9 of session 0");
    const int pid = victim.pid();
    ::kill(pid, SIGKILL);
    for (int session = 0; session < Lane::session_count; ++session)
        end(session);
    // The postmaster may not have noticed yet.
    while (::kill(pid, 0) == 0)
        wait_for_any({}, 5);
    wait_for_any({}, 100);
    lane_.admin.connect();
    for (const auto &session : lane_.sessions)
        session->connect();
    timeouts_.assign(timeouts_.size(), {});
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
           !record_.had_spell("hidden", now, now);
}

} // namespace chaos
