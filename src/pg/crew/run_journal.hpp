#pragma once
// The journal of one run: what it has sent to Flex, kept in a transaction of its own until that of the run has ended.

#include "core/journal.hpp"
#include "pg/crew/catalog.hpp"
#include "pg/crew/run_log.hpp"
#include "pg/server/own_tables.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace pg {

/// What the messages to the writer begin with.
namespace journal_message {
constexpr char intent = 'I'; ///< entries that are committed durably before they are answered
constexpr char entry = 'E';  ///< entries
constexpr char end = '.';    ///< of a run; answered when all before it is committed, or why it is not
} // namespace journal_message

/// In SQL, whether the run of row j of the journal is under way: `show_run_id` shows it. The view flex_sync_health has
/// it too.
constexpr std::string_view journal_is_under_way_sql = R"(EXISTS (
          SELECT FROM pg_locks AS k
          WHERE k.locktype = 'userlock' AND k.objsubid = 996
            AND k.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
            AND k.classid::bigint = j.run_id >> 32 AND k.objid::bigint = j.run_id & 4294967295))";

/// Rows of `flex_sync_journal`, written by a background worker of the session. Where it cannot be written, a run goes
/// on without it under `journal` = `auto`, and changes nothing more under `required`; where the worker dies, it adds
/// nobody any more.
class RunJournal final : public core::Journal {
public:
    RunJournal(const Connection &connection, const OwnTables &own, const Run &run, const core::ElementId &element);

    /// None if the option says `off`.
    core::Journal *in_use() { return state_ == State::Off ? nullptr : this; }

    /// Begins to start the writer where it will probably be needed: the last run of this session wrote something.
    void prepare();

    std::optional<std::string> open(core::TimePoint deadline) override;
    std::int64_t intend(std::span<const core::JournalEntry> adds) override;
    core::Permit permit(std::int64_t intent) override;
    void record(const core::JournalEntry &entry) override;
    std::size_t slice() const override;
    bool records_listings() const override;

    /// Waits until all that was recorded is committed, a moment beyond the deadline at most. True if there is something
    /// to delete with the run's rows.
    bool close(core::TimePoint deadline);

    /// Why not all of the run was recorded; none if it was, or ended for that.
    std::optional<core::Diagnostic> trouble() const;

private:
    enum class State {
        Off,     ///< the option says so
        Closed,  ///< nothing is to be changed yet
        Open,    ///< the writer has answered
        Without, ///< it cannot be written, and the run goes on
        Over,    ///< it cannot be written, and nothing more may be changed
    };

    bool is_up();
    std::optional<std::string> start();
    std::optional<std::string> ask_writer(core::TimePoint deadline);
    std::optional<std::string> wait_for(std::int64_t answer, core::TimePoint until);
    std::string message(char kind, std::span<const core::JournalEntry> entries);
    State give_up(std::string why);
    State end_without_writer();

    const Connection &connection_;
    const OwnTables &own_;
    const Run &run_;
    std::int64_t lock_key_;
    State state_;
    bool is_told_ = false; ///< the run's own part was sent
    bool is_used_ = false; ///< something was sent
    std::string why_not_;  ///< it cannot be written
};

/// Deletes what the journal holds of a run, in the transaction that has written its log. Where that is locked it stays
/// for the next sync, which finds the run in the log and lets go of it.
void clear_journal(Statements &statements, const OwnTables &own, std::int64_t run_id);

/// Settles what the journal holds of other runs of this crew than this one: its lock is held, so that they were rolled
/// back. Their contacts are known from now on, adds without an answer are waited for, and each run gets its row in
/// the log. In this transaction, like everything else of a sync; until it commits the journal stays.
void settle(Statements &statements, const OwnTables &own, std::int64_t lock_key, std::int64_t run_id);

/// The same for all crews whose lock is free.
void settle_all(Statements &statements, const OwnTables &own);

} // namespace pg
