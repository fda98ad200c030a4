#pragma once
// Plays a script on a lane, and checks what comes of it.

#include "lane.hpp"
#include "record.hpp"
#include "script.hpp"

#include <optional>
#include <string>
#include <vector>

namespace chaos {

/// What the database holds of an element, and Flex.
struct State {
    struct Member {
        std::string call, technician;
        std::optional<std::string> resource, role; ///< of a desired one
        std::optional<std::string> line;           ///< of a row
    };
    std::vector<Line> lines;
    std::vector<Member> desired, rows;
};

class Player {
public:
    Player(Lane &lane, const Script &script);

    /// Throws a Violation at the first thing that does not hold.
    void play();

    /// All that is known of the script, for a person who looks into a violation.
    std::string report();

    const Record &record() const { return record_; }

private:
    /// How a sync is called.
    struct Manner {
        const CrewCall *call = nullptr;
        std::optional<std::string> prune = {};
        bool is_nowait = false;
        bool is_job = false;
        std::optional<int> max_removals = {};
        int statement_timeout_ms = 0;
        int lock_timeout_ms = 0;

        std::string text() const;
        std::string statement(const std::string &job) const;
    };

    void set_up();
    void tear_down();
    void play(const Step &step);

    // What people do: deeds.cpp.
    void desire(Random &dice, Session &session, int most);
    void withdraw(Random &dice, Session &session);
    void change_desired(Random &dice, bool is_role);
    void flex_delete(Random &dice);
    void flex_add(Random &dice);
    void flex_role(Random &dice);
    void flex_swap(Random &dice);
    void flex_other(Random &dice);
    void flex_reveal();
    void edit_row(Random &dice);
    void lock_rows(Random &dice);
    void refer(Random &dice);
    void take_references_off(const std::string &rows);
    bool has_lag() const;
    std::string resource_for(Random &dice, int technician);
    std::optional<Line> pick_contact(Random &dice);
    const std::string &pick_element(Random &dice) { return dice.pick(script_.elements); }

    // What Flex does: weather.cpp.
    void arm_fault(Random &dice);
    void arm_lie(Random &dice);
    void arm_vanishing(Random &dice);
    void arm_lag(Random &dice);
    std::string add_fault(Random &dice);
    std::string change_fault(Random &dice);
    std::string list_fault(Random &dice);

    // Syncs: syncs.cpp and races.cpp.
    Manner manner(Random &dice);
    std::size_t begin(int session, const Manner &manner, const std::string &token);
    void end(int session);
    std::string new_token();
    void set_timeouts(int session, const Manner &manner);
    void close_transaction(int session, const std::string &how);
    void sync(Random &dice);
    void together(Random &dice);
    void transaction(Random &dice);
    void crash(Random &dice);
    bool meanwhile(Random &dice, bool may_change);
    void check_together(const std::vector<std::size_t> &begun, double changed_ms);
    void check_lock(const CrewCall &call, int session);
    int moment(Random &dice) const;
    void cancel(int session);
    void terminate(int session);
    void revive();
    bool is_calm() const;
    bool may_be_under_way() const;

    // Checks: quiet.cpp and state.cpp.
    void quiet();
    void converge(const std::string &element);
    void repeat(const std::string &element);
    bool is_made_of_notes(const std::string &element);
    void check_result(const Sync &sync) const;
    void check_locks();
    State state_of(const std::string &element);
    void learn();
    void check_converged(const std::string &element, const std::string &prune, const std::string &when);
    void check_others();
    std::string rows_text(const std::string &element);
    void check_end();

    const CrewCall &call_of(const std::string &element) const;
    std::string calls_of(const std::string &element) const;

    Lane &lane_;
    const Script &script_;
    Record record_;
    std::vector<std::optional<std::size_t>> running_; ///< the sync that each session runs
    std::vector<std::vector<std::size_t>> open_;      ///< those of the transaction that each session is in
    std::vector<bool> in_transaction_;
    std::vector<Manner> timeouts_; ///< as each session has set them
    Options options_;
    std::vector<int> terminated_; ///< backends that were told to end
    bool may_act_late_ = false;   ///< a request may be carried out after its client has gone
    double interrupted_ms_ = 0;   ///< when a sync ended with an error last: its requests may still be under way
    int tokens_ = 0;
    int step_ = 0;
};

/// Checks the simulator's log against what is known of the syncs (I4, I5, I6, and http_requests).
void check_wire(const Record &record, const std::vector<Request> &log);

} // namespace chaos
