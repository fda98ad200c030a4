// The background worker that writes the journal: commits what its session sends, in transactions of its own.

#include "pg/crew/run_journal.hpp"
#include "pg/server/session_worker.hpp"
#include "pg/server/statement.hpp"
#include "pg/server/subtransaction.hpp"

#include <vector>

#include "pg/server/wall.hpp"

namespace pg {

namespace {

constexpr std::chrono::seconds idle_time(10);

/// The session may be waited for as long as a run can take.
constexpr std::chrono::hours run_time(24);

constexpr std::string_view write_entries_sql = R"(
    INSERT INTO {journal} AS j (run_id, ordinal, crew_call_id, flex_element_id, server, action, technician_id,
                                flex_resource_id, flex_line_item_id, sent_at, outcome, http_status, http_requests,
                                business_role_id, url, lock_key, run)
    SELECT r.run_id, r.ordinal, r.crew_call_id, r.flex_element_id, r.server, r.action, r.technician_id,
           r.flex_resource_id, r.flex_line_item_id, clock_timestamp(), r.outcome, r.http_status, r.http_requests,
           r.business_role_id, r.url, r.lock_key, r.run
    FROM jsonb_to_recordset($1::jsonb)
         AS r (run_id bigint, ordinal integer, crew_call_id uuid, flex_element_id text, server text, action text,
               technician_id uuid, flex_resource_id text, flex_line_item_id text, outcome text, http_status integer,
               http_requests integer, business_role_id text, url text, lock_key bigint, run jsonb)
    ON CONFLICT (run_id, ordinal) DO UPDATE
    SET flex_line_item_id = excluded.flex_line_item_id, outcome = excluded.outcome,
        http_status = excluded.http_status, http_requests = excluded.http_requests)";

void set(const char *name, const char *value)
{
    SetConfigOption(name, value, PGC_SUSET, PGC_S_OVERRIDE);
}

/// Whatever the database or the role has set: waits that end, so that a lock of the session itself cannot hold it up
/// for long, and commits that are durable.
void set_options()
{
    set("lock_timeout", "300ms");
    set("statement_timeout", "0");
    set("default_transaction_isolation", "read committed");
    set("default_transaction_read_only", "off");
    if (std::string_view(GetConfigOption("synchronous_commit", false, false)) == "off")
        set("synchronous_commit", "local");
}

class JournalWriter {
public:
    explicit JournalWriter(Datum segment) : line_(segment)
    {
        if (line_.has_ended())
            return;
        call([] { set_options(); });
        owner_ = {Identity::Kind::Owner, line_.owner()};
        sql_ = filled(write_entries_sql, {{"{journal}", line_.schema() + ".flex_sync_journal"}});
    }

    void run()
    {
        std::optional<std::string> message = line_.receive(idle_time);
        while (message) {
            switch (message->front()) {
            case journal_message::intent:
                line_.answer(write(*message));
                message = line_.receive(run_time);
                break;
            case journal_message::entry:
                message = write_entries(*std::move(message));
                break;
            default: // the end of a run
                line_.answer(unwritten_.empty() ? "" : write());
                unwritten_.clear();
                message = line_.receive(idle_time);
            }
        }
    }

private:
    /// Writes this entry, and those that have come meanwhile, in one transaction. Gives the message after them.
    std::optional<std::string> write_entries(std::string first)
    {
        unwritten_.push_back(std::move(first));
        std::optional<std::string> message = line_.receive(std::chrono::milliseconds(0));
        while (message && message->front() == journal_message::entry) {
            unwritten_.push_back(*std::move(message));
            message = line_.receive(std::chrono::milliseconds(0));
        }
        write();
        return message || line_.has_ended() ? message : line_.receive(run_time);
    }

    /// Writes what is unwritten and an intent, if there is one: only that is durable. Why it could not be written;
    /// empty if it was. What was not is written with whatever comes next.
    std::string write(std::string_view intent = {})
    {
        call([] { pgstat_report_activity(STATE_RUNNING, "flex_sync: write flex_sync_journal"); });
        const std::optional<UndoneError> error = in_transaction([&] {
            if (intent.empty())
                call([] {
                    set_config_option("synchronous_commit", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true,
                                      0, false);
                });
            Statements statements;
            for (const std::string_view message : unwritten_)
                statements.run(sql_, {message.substr(1)}, owner_);
            if (!intent.empty())
                statements.run(sql_, {intent.substr(1)}, owner_);
            statements.finish();
        });
        call([] { pgstat_report_activity(STATE_IDLE, nullptr); });
        if (error && error->sqlstate == "55P03")
            return "somebody has locked flex_sync_journal (" + error->message + ")";
        if (error)
            return error->message;
        unwritten_.clear();
        return "";
    }

    WorkerLine line_;
    Identity owner_;
    std::string sql_;
    std::vector<std::string> unwritten_; ///< entries of the run that is under way
};

void write_journal(Datum segment)
{
    JournalWriter(segment).run();
}

} // namespace

} // namespace pg

FLEX_SYNC_WORKER(flex_sync_journal_writer, pg::write_journal)
