// CALL flex_sync_all(): every crew call that is due, committing as it goes.

#include "core/error.hpp"
#include "pg/crew/sync_session.hpp"
#include "pg/functions/call_counts.hpp"
#include "pg/functions/purge.hpp"
#include "pg/server/encoding.hpp"
#include "pg/server/json.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/subtransaction.hpp"
#include "pg/server/time_limit.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <unordered_map>
#include <unordered_set>

#include "pg/server/wall.hpp"

namespace pg {

using core::Error;
using std::chrono::steady_clock;

namespace {

constexpr Identity reader{Identity::Kind::Reader};

constexpr std::chrono::seconds between_notices(5);

constexpr std::string_view read_due_sql = R"(
    SELECT c.id::pg_catalog.text, c.job_id::pg_catalog.text, c.department::pg_catalog.text,
           c.flex_element_id::pg_catalog.text
    FROM {calls} AS c
    WHERE c.flex_element_id IS NOT NULL
      AND c.id OPERATOR(pg_catalog.=) ANY (SELECT d.crew_call_id FROM {due} AS d)
    ORDER BY c.id)";

constexpr const char *read_last_runs_sql = R"(
    SELECT e.element,
           (SELECT max(l.run_id) FROM {log} AS l
            WHERE lower(l.flex_element_id COLLATE "C") = lower(e.element COLLATE "C")
              AND (l.status <> 'deferred' OR l.diagnostics @> '[{"code": "never_fits"}]'))::text
    FROM jsonb_array_elements_text($1::jsonb) AS e (element))";

std::string elements_json(const std::vector<CrewCall> &calls)
{
    JsonWriter json;
    json.begin_array();
    for (const CrewCall &call : calls)
        json.value(*call.element);
    json.end_array();
    return std::string(json.view());
}

std::string crew_calls(std::size_t count)
{
    return std::to_string(count) + (count == 1 ? " crew call" : " crew calls");
}

void give_notice(const std::string &message, const std::string &detail = "")
{
    const char *const text = message.c_str();
    const char *const detail_text = detail.c_str();
    call([&] {
        ereport(NOTICE, errmsg_internal("%s", text), *detail_text ? errdetail_internal("%s", detail_text) : 0);
    });
}

/// One CALL of flex_sync_all.
class SyncAll {
public:
    SyncAll(FunctionCallInfo fcinfo, const std::optional<std::string> &prune)
        : session_(fcinfo, Access::Write, Statements::Scope::AcrossTransactions)
    {
        const ServerOptions &options = session_.connection.options;
        check_due_calls(options.crew_schema);
        policy_ = {.prune = prune_argument(prune, options.prune), .max_removals = options.max_removals};
    }

    void run(bool strict)
    {
        settle_all(session_.statements, session_.own);
        commit();
        read_due_calls();
        const auto batch_size = static_cast<std::size_t>(session_.connection.options.http.max_parallel);
        for (std::size_t next = 0; next < calls_.size() && why_over_.empty(); next += batch_size) {
            const std::size_t end = std::min(next + batch_size, calls_.size());
            sync_batch({calls_.begin() + static_cast<std::ptrdiff_t>(next),
                        calls_.begin() + static_cast<std::ptrdiff_t>(end)});
            commit();
            give_progress();
        }
        counts_.add("deferred", static_cast<int>(total()) - counts_.total());
        purge_old_runs();
        session_.statements.finish();
        give_notice("flex_sync_all: " + (total() == 0 ? "no crew call is due" : progress(total())), why_over_);
        if (strict && !troubles_.empty())
            throw Error("P0001",
                        "could not sync " + std::to_string(counts_.of("failed") + counts_.of("partial")) + " of " +
                            crew_calls(total()) + " in full",
                        troubles_,
                        "What was done is committed. Look at flex_sync_log for the rest; the next run tries again.");
    }

private:
    /// The calls, one for each element, the least recently synced first.
    void read_due_calls()
    {
        const Rows rows = session_.statements.run(session_.relations.in(read_due_sql), {}, reader);
        std::unordered_set<std::string> elements;
        for (std::size_t row = 0; row < rows.size(); ++row) {
            CrewCall call{.id = std::string(*rows.at(row, 0)),
                          .job = rows.text(row, 1),
                          .department = rows.text(row, 2),
                          .element = rows.text(row, 3)};
            if (!call.element->empty() && elements.insert(core::canonical_id(*call.element)).second)
                calls_.push_back(std::move(call));
        }
        const std::unordered_map<std::string, std::int64_t> last_runs = read_last_runs();
        std::stable_sort(calls_.begin(), calls_.end(), [&](const CrewCall &a, const CrewCall &b) {
            return last_runs.at(*a.element) < last_runs.at(*b.element);
        });
    }

    /// The last run of each element, 0 where there was none.
    std::unordered_map<std::string, std::int64_t> read_last_runs()
    {
        const std::string sql = filled(read_last_runs_sql, {{"{log}", session_.own.table("flex_sync_log")}});
        const Rows rows = session_.statements.run(sql, {elements_json(calls_)}, session_.own.identity);
        std::unordered_map<std::string, std::int64_t> last_runs;
        for (std::size_t row = 0; row < rows.size(); ++row)
            last_runs.emplace(*rows.at(row, 0), rows.number<std::int64_t>(row, 1).value_or(0));
        return last_runs;
    }

    /// Locks and reads the crews that nobody else syncs, lists them in parallel, and syncs each in a subtransaction.
    void sync_batch(const std::vector<CrewCall> &calls)
    {
        const auto begun = steady_clock::now();
        if (const auto left = time_left(); left && *left <= 2 * longest_batch_) {
            why_over_ = "statement_timeout leaves no time for more.";
            return;
        }
        FlexLink link(session_.statements, session_.own, session_.connection);
        std::vector<std::unique_ptr<CrewRun>> runs;
        for (const CrewCall &call : calls)
            begin(call, link, runs);
        std::vector<core::ElementId> elements;
        core::TimePoint deadline = core::TimePoint::max();
        for (const auto &run : runs) {
            elements.push_back(run->element());
            deadline = std::min(deadline, run->deadline());
        }
        std::vector<std::optional<UndoneError>> undone(runs.size());
        std::vector<core::Listing> listings = link.client.list(elements, deadline, [&] {
            for (std::size_t i = 0; i < runs.size(); ++i)
                undone[i] = in_subtransaction_of_crew([&] { runs[i]->meanwhile(); });
        });
        const core::TimePoint listed_at = link.clock.now();
        for (std::size_t i = 0; i < runs.size(); ++i) {
            runs[i]->leave_out(link.clock.now() - listed_at);
            if (!undone[i])
                undone[i] = in_subtransaction_of_crew([&] { runs[i]->go_on(std::move(listings[i])); });
            if (undone[i])
                runs[i]->fail(undone[i]->sqlstate, undone[i]->message);
            count(runs[i]->log());
        }
        longest_batch_ = std::max(longest_batch_, steady_clock::now() - begun);
    }

    /// Adds the crew to those that are listed, unless it ends here.
    void begin(const CrewCall &call, FlexLink &link, std::vector<std::unique_ptr<CrewRun>> &runs)
    {
        if (!why_over_.empty() || !lock(call))
            return;
        show_activity(call.id);
        auto run = std::make_unique<CrewRun>(session_, policy_, link);
        bool goes_on = false;
        const auto undone = in_subtransaction_of_crew([&] { goes_on = run->begin(); });
        if (!undone && goes_on)
            return runs.push_back(std::move(run));
        if (undone)
            run->fail(undone->sqlstate, undone->message);
        count(run->log()); // without requests left, it is deferred, and so is what is not begun
    }

    /// Takes the lock of the crew, which may have got another element since the list was read: then that one's. False
    /// if another sync holds it, there is nothing to sync any more, or the call cannot be read.
    bool lock(const CrewCall &call)
    {
        session_.call = call;
        std::int64_t last_run = 0;
        Lock lock = Lock::Busy;
        std::optional<UndoneError> undone;
        try {
            undone = in_subtransaction([&] { lock = lock_crew(session_, true, last_run); });
        } catch (const Error &error) {
            if (!says_that_call_is_gone(error))
                throw;
            ++vanished_;
            return false;
        }
        if (undone)
            count(failed_row(session_, policy_, *undone));
        else if (lock == Lock::Busy)
            counts_.add("busy");
        return !undone && lock != Lock::Busy;
    }

    void count(const SyncRow &row)
    {
        counts_.add(row.status);
        if (row.status == "deferred" && !row.aside.never_fits && why_over_.empty())
            why_over_ = row.message;
        if (row.status == "failed" || row.status == "partial")
            note_trouble(row);
    }

    /// The first few, for the error at the end.
    void note_trouble(const SyncRow &row)
    {
        if (counts_.of("failed") + counts_.of("partial") > 5)
            return;
        troubles_ += (troubles_.empty() ? "" : "\n");
        troubles_ += "Crew call " + row.call_id + ": " + row.status + ". " + row.message;
        const std::string &first = row.aside.first_diagnostic;
        if (row.status == "partial")
            troubles_ += " First: " + first + (first.ends_with('.') ? "" : ".");
    }

    /// Every five seconds or tenth of the calls. The end gets a notice of its own.
    void give_progress()
    {
        const auto now = steady_clock::now();
        const auto done = static_cast<std::size_t>(counts_.total());
        const std::size_t tenths = total() == 0 ? 10 : done * 10 / total();
        if (done == total() || !why_over_.empty() || (now - last_notice_ < between_notices && tenths == last_tenths_))
            return;
        last_notice_ = now;
        last_tenths_ = tenths;
        give_notice(std::to_string(done) + " of " + progress(total()));
    }

    std::string progress(std::size_t calls) const
    {
        return crew_calls(calls) + ": " + counts_.text() + ", " + seconds_passed() + " s";
    }

    /// The calls that are due, less those that are gone since.
    std::size_t total() const { return calls_.size() - vanished_; }

    /// Commits, and gives the memory back that the batch took: a run may have thousands.
    void commit()
    {
        session_.statements.commit();
        session_.statements.finish();
        session_.statements = Statements(Statements::Scope::AcrossTransactions);
    }

    void purge_old_runs()
    {
        const int minutes = log_retention_setting();
        if (minutes >= 0)
            purge_log(session_.statements, session_.own, std::to_string(minutes) + " minutes");
        session_.statements.commit();
    }

    std::string seconds_passed() const
    {
        return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(steady_clock::now() - begun_).count());
    }

    CrewSession session_;
    SyncPolicy policy_;
    std::vector<CrewCall> calls_;
    Counts counts_;
    std::string troubles_;
    std::size_t vanished_ = 0;
    std::string why_over_; ///< why what is not begun is deferred; empty while it is not
    steady_clock::duration longest_batch_{0};
    steady_clock::time_point begun_ = steady_clock::now();
    steady_clock::time_point last_notice_ = begun_;
    std::size_t last_tenths_ = 0;
};

/// Throws 2D000 where the procedure could not commit: in a transaction block, called from a function, or in a block of
/// PL/pgSQL with an EXCEPTION clause, which the context of the call doesn't tell.
void check_own_transaction(FunctionCallInfo fcinfo)
{
    const auto *const context = reinterpret_cast<const CallContext *>(fcinfo->context);
    if (!context || nodeTag(context) != T_CallContext || context->atomic || call([] { return IsSubTransaction(); }))
        throw Error(
            "2D000", "flex_sync_all cannot run inside a transaction block",
            "It commits after each batch of crew calls.",
            "Call it on its own, outside of BEGIN … COMMIT, functions and blocks with EXCEPTION, and not in one "
            "string with other statements.");
}

Datum sync_all(FunctionCallInfo fcinfo)
{
    check_encoding();
    check_own_transaction(fcinfo);
    const std::optional<std::string> prune = text_argument(fcinfo, 0);
    prune_argument(prune, core::Prune::All);
    const bool strict = PG_ARGISNULL(1) || PG_GETARG_BOOL(1);
    check_transaction();
    SyncAll(fcinfo, prune).run(strict);
    return 0;
}

} // namespace

} // namespace pg

FLEX_SYNC_FUNCTION(flex_sync_all, pg::sync_all)
