// A script from end to end, and the quiet points at which everything must be in order.

#include "player.hpp"

#include <filesystem>

namespace chaos {

Player::Player(Lane &lane, const Script &script)
    : lane_(lane), script_(script), running_(Lane::session_count), open_(Lane::session_count),
      in_transaction_(Lane::session_count), timeouts_(Lane::session_count), options_(script.options)
{
}

void Player::play()
{
    set_up();
    for (const Step &step : script_.steps) {
        ++step_;
        record_.note("-- step " + std::to_string(step_) + ": " + std::string(name_of(step.deed)));
        play(step);
        learn();
        check_others();
    }
    check_end();
    check_wire(record_, lane_.simulator.log());
    tear_down();
}

void Player::play(const Step &step)
{
    Random dice(step.dice);
    switch (step.deed) {
    case Deed::Desire:
        return desire(dice, lane_.admin, 5);
    case Deed::Withdraw:
        return withdraw(dice, lane_.admin);
    case Deed::NewResource:
        return change_desired(dice, false);
    case Deed::NewRole:
        return change_desired(dice, true);
    case Deed::FlexDelete:
        return flex_delete(dice);
    case Deed::FlexAdd:
        return flex_add(dice);
    case Deed::FlexRole:
        return flex_role(dice);
    case Deed::FlexSwap:
        return flex_swap(dice);
    case Deed::FlexOther:
        return flex_other(dice);
    case Deed::FlexReveal:
        return flex_reveal();
    case Deed::RowEdit:
        return edit_row(dice);
    case Deed::RowLock:
        return lock_rows(dice);
    case Deed::Refer:
        return refer(dice);
    case Deed::Fault:
        return arm_fault(dice);
    case Deed::Lie:
        return arm_lie(dice);
    case Deed::Vanish:
        return arm_vanishing(dice);
    case Deed::Lag:
        return arm_lag(dice);
    case Deed::Release:
        record_.note("held requests go on");
        return lane_.simulator.release();
    case Deed::Pause:
        return wait_for_any({}, dice.between(20, 200));
    case Deed::Sync:
        return sync(dice);
    case Deed::Together:
        return together(dice);
    case Deed::Transaction:
        return transaction(dice);
    case Deed::Crash:
        return crash(dice);
    case Deed::Quiet:
        return quiet();
    }
}

void Player::set_up()
{
    record_ = {};
    revive();
    lane_.use(script_);
    timeouts_.assign(timeouts_.size(), {});
    lane_.simulator.reset();
    lane_.simulator.configure(R"({"bulk_delete": ")" + script_.bulk_delete + R"(", "latency_ms": )" +
                              std::to_string(script_.latency_ms) + "}");
    lane_.configure(options_);
    tear_down();
    for (const std::string &element : script_.elements)
        lane_.simulator.seed(element, "[]", script_.shape);
    for (const CrewCall &call : script_.calls)
        lane_.admin.run("INSERT INTO flex_crew_calls (id, job_id, department, flex_element_id) VALUES ('" + call.id +
                        "', '" + script_.job + "', '" + call.department + "', '" + call.element + "')");
}

void Player::tear_down()
{
    const std::string calls = "(SELECT id FROM flex_crew_calls WHERE job_id = '" + script_.job + "')";
    lane_.give_rows_back();
    take_references_off(" WHERE crew_call_id IN " + calls);
    lane_.admin.run("DELETE FROM flex_crew_assignments WHERE crew_call_id IN " + calls +
                    "; DELETE FROM flex_desired_crew WHERE crew_call_id IN " + calls +
                    "; DELETE FROM flex_crew_calls WHERE job_id = '" + script_.job +
                    "'; DELETE FROM flex_sync_contact WHERE server IN (" + lane_.servers() + ")");
}

/// Faults end, nothing is in the way, and time passes.
void Player::quiet()
{
    lane_.give_rows_back();
    for (const CrewCall &call : script_.calls)
        take_references_off(" WHERE crew_call_id = '" + call.id + "'");
    lane_.simulator.clear_faults();
    lane_.simulator.configure(R"({"listing_lag_ms": 0})");
    lane_.simulator.settle();
    for (Spell &spell : record_.spells)
        spell.to_ms = std::min(spell.to_ms, now_ms());
    may_act_late_ = false;
    learn();

    const Options stormy = options_;
    options_.deadline_ms = 30'000;
    options_.request_timeout_ms = 10'000;
    options_.retries = 3;
    lane_.configure(options_);
    // The pause before a contact that no listing showed, or an add that nobody answered, is made again: a minute at
    // first, a day at most.
    lane_.admin.run("UPDATE flex_sync_contact SET noted_at = noted_at - interval '2 days' WHERE server IN (" +
                    lane_.servers() + ") AND NOT was_shown AND (flex_line_item_id IS NOT NULL OR tries > 1)" +
                    "; UPDATE flex_sync_journal SET sent_at = sent_at - interval '2 days' WHERE server IN (" +
                    lane_.servers() + ")");
    record_.ageings.push_back({now_ms(), "", ""});
    for (const std::string &element : script_.elements) {
        converge(element);
        repeat(element);
    }
    check_locks();
    options_ = stormy;
    lane_.configure(options_);
}

/// One sync must put everything right, and waits for nobody (I7).
void Player::converge(const std::string &element)
{
    const Manner manner{.call = &call_of(element), .is_nowait = true, .max_removals = 100'000};
    const int session = step_ % Lane::session_count;
    const std::size_t place = begin(session, manner, "");
    end(session);
    const Sync &sync = record_.syncs[place];
    if (sync.results.size() == 1 && sync.results[0].status == "failed" && is_made_of_notes(element)) {
        record_.note("the rows that name notes are deleted by hand");
        lane_.admin.run("DELETE FROM flex_crew_assignments WHERE crew_call_id IN (" + calls_of(element) + ")");
        return converge(element);
    }
    if (sync.results.size() != 1 || sync.results[0].status != "ok")
        throw Violation("a quiet sync does not end ok");
    learn();
    check_converged(element, sync.prune, "after a quiet sync");
}

/// True if somebody made a note of the last contact: a listing that no operator of the sync should believe.
bool Player::is_made_of_notes(const std::string &element)
{
    bool has_notes = false;
    for (const Line &line : lane_.simulator.lines(element)) {
        if (line.is_contact() && !line.is_hidden)
            return false;
        has_notes = has_notes || line.type;
    }
    return has_notes;
}

/// A sync that repeats sends a listing and writes no row (I3).
void Player::repeat(const std::string &element)
{
    const std::string before = rows_text(element);
    const Manner manner{.call = &call_of(element)};
    const int session = (step_ + 1) % Lane::session_count;
    const std::size_t place = begin(session, manner, "");
    end(session);
    const Sync &sync = record_.syncs[place];
    if (sync.results.size() != 1 || sync.results[0].status != "ok")
        throw Violation("a repeated sync does not end ok");
    const Result &result = sync.results[0];
    for (const char *name : {"adopted", "added", "removed", "stale", "pruned", "roles_set", "failed"})
        if (result.number(name) != 0)
            throw Violation(std::string("a repeated sync has ") + name);
    if (result.number("http_requests") != 1)
        throw Violation("a repeated sync sends more than a listing");
    if (rows_text(element) != before)
        throw Violation("a repeated sync writes rows:\n" + before + "then\n" + rows_text(element));
}

void Player::check_locks()
{
    std::string pids = "0";
    for (const auto &session : lane_.sessions)
        pids += "," + std::to_string(session->pid());
    const std::string locks =
        lane_.admin.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid IN (" + pids + ")");
    if (locks != "0")
        throw Violation(locks + " advisory locks are left");
}

/// What no sync may leave: run ids without a log row, the token anywhere, sockets (I9, I10).
void Player::check_end()
{
    std::string runs = "0";
    int count = 0;
    for (const Sync &sync : record_.syncs)
        for (const Result &result : sync.results)
            if (sync.fate == Fate::Committed && result.number("run_id") > 0) {
                runs += "," + std::to_string(result.number("run_id"));
                ++count;
            }
    if (count > 0) {
        const std::string missing = lane_.admin.value("SELECT count(*) FROM unnest('{" + runs +
                                                      "}'::bigint[]) AS r (id) WHERE r.id > 0 AND NOT EXISTS "
                                                      "(SELECT FROM flex_sync_log AS l WHERE l.run_id = r.id)");
        if (missing != "0")
            throw Violation(missing + " runs are not in the log");
        const std::string mistimed =
            lane_.admin.value("SELECT count(*) FROM flex_sync_log WHERE run_id = ANY ('{" + runs +
                              "}') AND abs(extract(epoch FROM now() - started_at)) > 1800");
        if (mistimed != "0")
            throw Violation(mistimed + " runs of the log began at another time than they did");
        for (const auto &row :
             lane_.admin
                 .run("SELECT run_id, lower(flex_resource_id) FROM flex_sync_log_operation WHERE action = 'add' AND "
                      "outcome <> 'done' AND run_id = ANY ('{" +
                      runs + "}')")
                 .rows())
            record_.unanswered.emplace(std::stol(*row[0]), row[1].value_or(""));
    }
    const std::string told = lane_.admin.value(
        "SELECT (SELECT count(*) FROM flex_sync_log AS l WHERE l.server IN (" + lane_.servers() +
        ") AND l.started_at > now() - interval '5 minutes' AND l::text LIKE '%canary-%') + (SELECT count(*) FROM "
        "flex_sync_contact AS k WHERE k.server IN (" +
        lane_.servers() + ") AND k::text LIKE '%canary-%')");
    if (told != "0")
        throw Violation("a table holds the token");
    for (const auto &session : lane_.sessions) {
        const std::filesystem::path descriptors = "/proc/" + std::to_string(session->pid()) + "/fd";
        std::error_code error;
        int sockets = 0;
        for (const auto &entry : std::filesystem::directory_iterator(descriptors, error))
            sockets += std::filesystem::read_symlink(entry, error).string().starts_with("socket:");
        if (sockets > script_.options.max_parallel + 12)
            throw Violation("a backend holds " + std::to_string(sockets) + " sockets");
    }
}

} // namespace chaos
