#pragma once
// One sync under way: what it has read, what it has sent, and what is still open.

#include "core/error.hpp"
#include "core/known_lines.hpp"
#include "core/sync.hpp"

#include <unordered_map>
#include <unordered_set>

namespace core {

class SyncRun {
public:
    SyncRun(const ElementId &element, const Policy &policy, CrewStore &store, FlexApi &flex, Clock &clock);

    SyncResult run();

    // The same in steps, for whoever lists many elements at once: `read`, then a listing that is asked for after it,
    // `read_known` while Flex answers, then `run_on`.

    /// Reads the crew. None if the first listing may be sent; else the result of a sync that ends here.
    std::optional<SyncResult> read();

    /// Reads what is remembered, which only syncs of this element change, under its lock.
    void read_known();

    /// Goes on from a listing, however long ago it came: reads the crew again unless nothing has changed since, and
    /// lists again where the listing is older than two seconds, from its request on.
    SyncResult run_on(Listing first);

    /// Reads, lists and plans as `run` does, and changes nothing. The plan means something if the answer is `Done`.
    const Answer &preview();
    const Plan &planned() const { return plan_; }
    const std::vector<Line> &lines() const { return lines_; }

private:
    /// How a technician came to be on the crew call; a later pass that finds them there keeps it.
    enum class Origin { Kept, Adopted, Added };

    /// An add whose answer was lost, until listings tell (I5).
    struct LostAdd {
        TimePoint at;
        int listings = 0;        ///< whole listings since that did not show it
        int tries = 0;           ///< times that this sync sent it
        bool is_settled = false; ///< known not to have been done: it may be sent again
        bool is_paused = false;  ///< Flex accepted it, under no line of its own: not sent again by this sync
    };

    /// What the guards look at (design, step 5).
    struct Toll {
        std::size_t deletions = 0; ///< contacts removed and pruned, and to be
        std::size_t recalls = 0;   ///< rows forgotten and to be forgotten of technicians who are still desired
    };

    // The steps: sync.cpp.
    bool list_first();
    std::size_t count_contacts() const;
    std::optional<Listing> next_listing();
    bool list();
    bool set_aside(int requests);
    int requests_to_send() const;
    bool set_requests_aside();
    bool can_look_again();
    void read_crew();
    void replan();
    void forget_rows();
    bool is_too_old(const Listing &listing) const;
    SyncResult end_without_call() const;
    bool is_stopped_without_call();
    bool is_stopped_by_guard();
    void note_earlier_adds();
    void copy_known();
    Plan plan_of(std::span<const Line> lines) const;
    std::unordered_set<LineItemId> doubtful_lines(const Plan &plan) const;
    void run_passes();
    void note_database_error(const DatabaseError &error, std::string_view action);
    void guard();
    bool has_open_steps() const;

    // What is known of what was sent: confirm.cpp.
    bool is_waiting() const;
    bool settle(bool is_sent);
    std::optional<Milliseconds> next_wait(std::size_t listings) const;
    std::unordered_map<std::string, std::size_t> last_operations() const;
    void judge_operations();
    void find_lost_adds(std::span<const Line> lines);
    void judge_lost_adds(TimePoint listed_at);
    void note_deleted(const LineItemId &line, Action action);

    // What is still to do: settle.cpp.
    bool is_open(const Step &step) const;
    bool has_closed_row(const Step &step) const;
    bool has_closed_forget(const Step &step) const;
    bool is_lag(const Step &step) const;
    bool is_lagging() const;
    bool is_recall(const Step &step) const;
    Toll toll() const;
    std::optional<std::string> why_blocked() const;

    // Carrying out a plan: carry_out.cpp.
    bool carry_out();
    void rehearse_rows();
    std::unordered_set<LineItemId> lines_in_use() const;
    void close_what_has_no_row();
    std::vector<const Step *> steps_to_send() const;
    void take(const Step &step, const ChangeResult &result);
    void take_add(const Step &step, const ChangeResult &result);
    void take_deletion(const LineItemId &line, Action action, const Answer &answer);
    void take_role(const LineItemId &line, const BusinessRoleId &role, const Answer &answer);
    void note_roles();

    // Writing down what was done: write_rows.cpp.
    void write_rows();
    std::optional<LineItemId> line_to_map(const Step &step) const;
    void note_row_errors(const std::vector<RowError> &errors, const std::unordered_map<std::string, Action> &actions);
    void take_back(const std::vector<RowError> &errors, const std::vector<Assignment> &mapped);

    // The end: tally.cpp.
    SyncResult finish();
    SyncResult refuse(const Answer &answer) const;
    SyncResult block(std::string why) const;
    void count_members(SyncResult &result) const;
    std::size_t report_retained(SyncResult &result) const;
    void report_plan(SyncResult &result) const;
    Origin origin_of(const Step &step) const;
    int count_removed() const;
    int requests_sent() const;
    std::unordered_set<std::string> report_operations(SyncResult &result) const;
    void report_open_steps(SyncResult &result, const std::unordered_set<std::string> &reported) const;
    bool is_explained(const Step &step, const std::unordered_set<std::string> &reported) const;
    void remember(bool is_ok);
    void conclude(SyncResult &result);

    const ElementId &element_;
    const Policy &policy_;
    CrewStore &store_;
    FlexApi &flex_;
    Clock &clock_;

    Crew crew_;
    KnownLines known_;
    std::vector<Line> lines_;              ///< the last whole listing, without what is deleted already
    std::vector<KnownLine> planned_known_; ///< what was known when the plan was made, without what is deleted already
    Plan plan_;                            ///< of the crew and the two above; points into them
    Answer listing_;                       ///< how the last listing went
    int requests_before_ = 0;              ///< of the Flex API, before this sync
    std::size_t contacts_at_start_ = 0;
    std::size_t rows_at_start_ = 0;

    std::vector<Operation> operations_;
    std::vector<Diagnostic> failures_; ///< those that are no operation: rows, the closing listing, a guard
    std::unordered_map<std::string, Origin> origins_;
    std::unordered_map<ResourceId, LostAdd> lost_;
    std::unordered_set<ResourceId> found_adds_;            ///< lost, then shown by a listing; not mapped yet
    std::unordered_map<ResourceId, LineItemId> added_;     ///< by this sync, found ones included
    std::unordered_map<ResourceId, LineItemId> added_now_; ///< by this pass
    std::unordered_map<LineItemId, BusinessRoleId> roles_sent_;
    std::unordered_set<LineItemId> deleted_;  ///< Flex accepted their deletion
    std::unordered_set<LineItemId> removals_; ///< removed or pruned: accepted, or judged so by a listing
    std::unordered_map<LineItemId, std::unordered_set<std::string>> removal_rows_; ///< whose rows named what goes
    std::unordered_set<ResourceId> closed_resources_; ///< not to be added again by this sync
    std::unordered_set<LineItemId> closed_lines_;     ///< not to be deleted again by this sync
    std::unordered_set<LineItemId> closed_roles_;     ///< lines that are not to be given a role again by this sync
    std::unordered_set<std::string> closed_rows_;     ///< not to be written again by this sync
    std::unordered_set<std::string> closed_forgets_;  ///< rows that cannot be deleted; they can still be mapped anew
    std::size_t deleted_but_shown_ = 0;
    std::optional<Listing> first_listing_; ///< listed by the caller, and not yet used
    int prepaid_listings_ = 0;             ///< set aside with the changes that they close
    int prepaid_requests_ = 0;             ///< set aside before a second look, for what the first one found
    bool is_confirmed_ = true;             ///< a whole listing has come since the last change
    bool is_stopped_ = false;              ///< by a guard, a limit or the database, after something was done
    bool is_guarded_ = false;              ///< Flex was changed, or may have been
    int passes_ = 0;
    int stale_ = 0;
    int recalled_ = 0;
};

/// A key of one technician on one call.
std::string member_key(const CrewCallId &call, const TechnicianId &technician);

/// True if the step deletes a row whose contact is there and serves somebody else. It is done with the rows that are
/// mapped: a plan that is made once it is gone would choose another contact.
bool frees_contact(const Step &step);

/// What a step or an operation is about, so that a later one about the same takes its place. An add is about its
/// resource, and so is what follows from it and has no line yet.
std::string target_of(Action action, const ResourceId *resource, const LineItemId *line);
std::string target_of(const Operation &operation);

} // namespace core
