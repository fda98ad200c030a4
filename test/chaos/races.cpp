// Syncs among other things: several at once, within transactions, and in a server that crashes.

#include "player.hpp"

#include <algorithm>
#include <csignal>

namespace chaos {

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
            has_failed = !holder.finish(std::chrono::minutes(1)).value().is_done();
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

} // namespace chaos
