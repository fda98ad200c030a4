#pragma once
// What one sync has sent to Flex and written down, and what became of it.

#include "core/known_lines.hpp"
#include "core/sync_result.hpp"

#include <unordered_map>
#include <unordered_set>

namespace core {

/// How a technician came to be on the crew call; a later pass that finds them there keeps it.
enum class Origin { Kept, Adopted, Added };

/// The accounts of one sync: each add by its resource, each line that was deleted or given a role, each row. They say
/// what may still be done: an add is sent again only when it is known that it was not done (I5), and what was refused
/// is not tried again by the same sync. No I/O, no clock.
class Ledger {
public:
    /// Tells `known` what was learned of lines.
    explicit Ledger(KnownLines &known) : known_(known) {}

    // ---- what is sent

    /// A pass begins to send.
    void begin_pass() { ++pass_; }

    /// The step is about to be sent, with others.
    void sending(const Step &step);

    /// What became of a step that was sent.
    void took(const Step &step, const ChangeResult &result, TimePoint now);

    /// What became of the deletion of a contact that this sync has added.
    void took_back(const ResourceId &resource, const LineItemId &line, const Answer &answer);

    /// An add that an earlier sync lost counts as lost here, where the plan is to send it.
    void note_earlier_add(const Step &step, TimePoint now);

    /// Tells what is known of the lines that a role was set on, also where nothing was known of them before.
    void remember_roles(const Plan &plan);

    // ---- what listings show

    /// The lines of a listing that arrived whole. One that is not believed is still right about whom it shows: a lost
    /// add whose contact is there was done.
    void showed(std::span<const Line> lines);

    /// What a listing that is believed, and was asked for at that moment, says of whatever is in doubt.
    void judge(std::span<const Line> lines, TimePoint asked_at);

    // ---- what is written down

    /// The row cannot be written, or not deleted; this sync does not try again.
    void close_row(const Member &member) { rows_[member].is_closed = true; }
    void close_forget(const Member &member) { rows_[member].is_forget_closed = true; }

    /// A contact whose row cannot go stays; nobody is called of whom no row can tell.
    void close_what_has_no_row(const Plan &plan);

    /// The technician's row names the contact of their resource.
    void mapped(const Step &step);

    /// A row was deleted although nothing was deleted in Flex for it.
    void note_stale() { ++stale_; }

    /// A technician is called again whose contact went without our doing.
    void note_recall() { ++recalls_; }

    // ---- what is still to do

    /// True if this sync may still carry the step out.
    bool may(const Step &step) const;

    /// The contact that the step maps a technician to, if it is there and a row can tell of it.
    std::optional<LineItemId> line_to_map(const Step &step) const;

    /// True if the step only says that a listing does not show yet what Flex accepted from this sync.
    bool is_lag(const Step &step) const;

    /// True if only listings can tell what became of an add.
    bool is_waiting() const;

    /// How long until a listing can settle the adds that are in doubt; none if there are none.
    std::optional<Milliseconds> time_to_settle(TimePoint now) const;

    // ---- what became of it

    const std::vector<Operation> &operations() const { return operations_; }
    std::vector<Operation> take_operations() { return std::move(operations_); }

    /// True for the last operation about its target: what came before it is history.
    bool is_last(std::size_t operation) const;

    /// True if the last operation about what the step is about did not succeed.
    bool has_failed(const Step &step) const;

    bool has_closed_row(const Step &step) const;
    bool has_closed_forget(const Step &step) const;
    bool is_closed(const LineItemId &line) const;
    bool is_lost(const ResourceId &resource) const;

    /// The contacts that this sync has added and not taken out again, with their resources.
    std::unordered_map<LineItemId, ResourceId> added_lines() const;

    /// Flex accepted the line's deletion.
    bool is_deleted(const LineItemId &line) const;
    std::vector<LineItemId> deleted_lines() const;

    /// The line is removed with the rows that named it: sent, whatever became of it.
    bool is_being_removed(const LineItemId &line) const;

    /// The line is removed or pruned: Flex accepted it, or a listing shows that it was done.
    bool is_removed(const LineItemId &line) const;
    std::size_t removed_lines() const;

    /// Technicians whose rows named a line that was removed.
    int removed_members() const;

    Origin origin_of(const Step &step) const;

    int stale() const { return stale_; }
    int recalls() const { return recalls_; }

private:
    static constexpr std::size_t none = static_cast<std::size_t>(-1);

    /// An add whose answer was lost, until listings tell.
    struct Lost {
        TimePoint at;
        int listings = 0;        ///< whole listings since that did not show it
        int sends = 0;           ///< times that this sync sent it
        bool is_settled = false; ///< known not to have been done: it may be sent again
        bool is_paused = false;  ///< Flex accepted it, under no line of its own: not sent again by this sync
    };

    struct Add {
        std::optional<LineItemId> line = {}; ///< its contact: Flex said so, or a listing
        int pass = 0;                        ///< in which Flex said so
        std::optional<Lost> lost = {};
        bool is_found = false;  ///< lost, then shown by a listing, and not mapped yet
        bool is_closed = false; ///< not to be sent again by this sync
        std::size_t operation = none;
    };

    /// A line that was to be deleted, or to have a role.
    struct Touched {
        bool is_deleted = false;              ///< Flex accepted its deletion
        bool is_removed = false;              ///< removed or pruned: accepted, or judged so by a listing
        bool is_closed = false;               ///< not to be deleted again by this sync
        std::unordered_set<Member> rows = {}; ///< whose rows named it when its removal was sent
        std::optional<BusinessRoleId> role = {};
        bool is_role_closed = false;
        std::size_t deletion = none; ///< the last operation
        std::size_t role_setting = none;
    };

    struct Row {
        bool is_closed = false;        ///< not to be written again by this sync
        bool is_forget_closed = false; ///< cannot be deleted; it can still be mapped anew
        std::optional<Origin> origin = {};
    };

    void take_add(const Step &step, const ChangeResult &result, TimePoint now);
    void take_deletion(const LineItemId &line, Action action, const Answer &answer);
    void take_role(const LineItemId &line, const BusinessRoleId &role, const Answer &answer);
    void note_removed(const LineItemId &line, Action action);
    std::size_t note(Operation operation);
    std::size_t last_about(Action action, const ResourceId *resource, const LineItemId *line) const;
    void judge_lost_add(Lost &lost, TimePoint asked_at) const;
    const Add *find(const ResourceId *resource) const;
    const Touched *find(const LineItemId &line) const;
    const Row *find(const Step &step) const;

    KnownLines &known_;
    int pass_ = 0;
    std::unordered_map<ResourceId, Add> adds_;
    std::unordered_map<LineItemId, Touched> touched_;
    std::unordered_map<Member, Row> rows_;
    std::vector<Operation> operations_;
    int stale_ = 0;
    int recalls_ = 0;
};

/// True if the step deletes a row whose contact is there and serves somebody else. It is done with the rows that are
/// mapped: a plan that is made once it is gone would choose another contact.
bool frees_contact(const Step &step);

/// True if the step maps a technician to a contact that is still to be added.
bool maps_to_add(const Step &step);

/// The value, if there is one, for whoever keeps it.
template <class T> std::optional<T> copy_of(const T *value)
{
    return value ? std::optional<T>(*value) : std::nullopt;
}

} // namespace core
