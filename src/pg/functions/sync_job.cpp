// SELECT * FROM flex_sync_job(job_id): every crew call of a job.

#include "core/error.hpp"
#include "pg/crew/sync_session.hpp"
#include "pg/server/encoding.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "pg/server/wall.hpp"

namespace pg {

using core::Error;

namespace {

constexpr Identity reader{Identity::Kind::Reader};

constexpr std::string_view read_job_sql = R"(
    SELECT c.id::pg_catalog.text, c.job_id::pg_catalog.text, c.department::pg_catalog.text,
           c.flex_element_id::pg_catalog.text
    FROM {calls} AS c
    WHERE c.job_id OPERATOR(pg_catalog.=) $1::pg_catalog.uuid
    ORDER BY c.department::pg_catalog.text COLLATE pg_catalog."C", c.id)";

/// The departments that were named; none: all.
std::optional<std::vector<std::string>> departments_argument(FunctionCallInfo fcinfo)
{
    if (PG_ARGISNULL(1))
        return std::nullopt;
    struct Elements {
        Datum *values;
        bool *nulls;
        int count;
    };
    const Elements elements = call([&] {
        Elements found{};
        deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT, &found.values, &found.nulls,
                          &found.count);
        return found;
    });
    std::vector<std::string> departments;
    for (int i = 0; i < elements.count; ++i) {
        if (elements.nulls[i])
            throw Error("22023", "invalid value for argument \"departments\"", "It holds a null.",
                        "Name departments of flex_crew_calls; null instead of the array takes all.");
        const std::string department = call([&] { return TextDatumGetCString(elements.values[i]); });
        if (std::find(departments.begin(), departments.end(), department) == departments.end())
            departments.push_back(department);
    }
    return departments;
}

bool has_element(const CrewCall &call)
{
    return call.element && !call.element->empty();
}

/// One call of flex_sync_job.
class JobSync {
public:
    JobSync(FunctionCallInfo fcinfo, std::string job, std::optional<std::vector<std::string>> departments,
            const std::optional<std::string> &prune)
        : session_(fcinfo, Access::Write), job_(std::move(job)), departments_(std::move(departments))
    {
        const ServerOptions &options = session_.connection.options;
        policy_ = {.prune = prune_argument(prune, options.prune), .max_removals = options.max_removals};
    }

    std::vector<SyncRow> run()
    {
        read_calls();
        lock_all();
        std::vector<SyncRow> rows;
        std::set<std::string> done;
        for (const CrewCall &call : calls_) {
            if (!has_element(call))
                rows.push_back(row_without_run(call, "skipped", "The crew call has no flex_element_id."));
            else if (done.insert(core::canonical_id(*call.element)).second)
                rows.push_back(sync(call));
        }
        add_missing_departments(rows);
        session_.statements.finish();
        return rows;
    }

private:
    void read_calls()
    {
        const Rows rows = session_.statements.run(session_.relations.in(read_job_sql), {job_}, reader);
        calls_.clear();
        has_any_call_ = !rows.empty();
        for (std::size_t row = 0; row < rows.size(); ++row) {
            CrewCall call{.id = std::string(*rows.at(row, 0)),
                          .job = rows.text(row, 1),
                          .department = rows.text(row, 2),
                          .element = rows.text(row, 3)};
            if (is_wanted(call))
                calls_.push_back(std::move(call));
        }
    }

    bool is_wanted(const CrewCall &call) const
    {
        return !departments_ || (call.department && std::find(departments_->begin(), departments_->end(),
                                                              *call.department) != departments_->end());
    }

    /// The keys of all elements, in the order in which everybody takes them, each with the first call of its element.
    std::map<std::int64_t, std::string> keys() const
    {
        std::map<std::int64_t, std::string> keys;
        for (const CrewCall &call : calls_)
            if (has_element(call) && !RunningSync::is_running(core::ElementId(*call.element)))
                keys.emplace(lock_key(core::ElementId(*call.element)), call.id);
        return keys;
    }

    /// Under the locks the calls are read again: their elements may have changed while the locks were waited for.
    void lock_all()
    {
        for (;;) {
            const std::map<std::int64_t, std::string> wanted = keys();
            for (const auto &[key, call_id] : wanted)
                if (!take_lock(key, true))
                    wait_for_lock(key, call_id);
            read_calls();
            if (keys() == wanted)
                return;
            for (const auto &[key, call_id] : wanted)
                give_lock_back(key);
        }
    }

    void wait_for_lock(std::int64_t key, const std::string &call_id)
    {
        if (!has_waited_)
            last_run_ = last_run_id(session_.statements, session_.own);
        has_waited_ = true;
        show_activity(call_id);
        take_lock(key, false);
        hide_activity(call_id);
    }

    /// True if the call still has the element whose lock is held: the syncs before this one may have taken a while.
    bool is_still_there(const CrewCall &call)
    {
        session_.call = call;
        try {
            session_.read_call_again();
        } catch (const Error &error) {
            if (!says_that_call_is_gone(error))
                throw;
            return false;
        }
        return core::same_id(*session_.call.element, *call.element);
    }

    SyncRow sync(const CrewCall &call)
    {
        bool is_there = false;
        if (const auto undone = in_subtransaction([&] { is_there = is_still_there(call); }))
            return failed_row(session_, policy_, *undone);
        if (!is_there)
            return row_without_run(call, "skipped",
                                   "The crew call was deleted, or got another flex_element_id, while the others were "
                                   "synced; the next sync takes care of it.");
        if (RunningSync::is_running(session_.element()))
            return busy_row(call);
        if (has_waited_)
            if (std::optional<SyncRow> row = result_of_run_since(last_run_, session_, policy_)) {
                row->call_id = call.id;
                return *std::move(row);
            }
        show_activity(call.id);
        SyncRow row = sync_locked_alone(session_, policy_);
        hide_activity(call.id);
        return row;
    }

    void add_missing_departments(std::vector<SyncRow> &rows) const
    {
        // A job without any crew call gives no row, whichever departments were named.
        if (!departments_ || !has_any_call_)
            return;
        for (const std::string &department : *departments_) {
            const bool is_there = std::any_of(calls_.begin(), calls_.end(),
                                              [&](const CrewCall &call) { return call.department == department; });
            if (!is_there)
                rows.push_back(row_without_run({.id = {}, .department = department}, "skipped",
                                               "The job has no crew call for department \"" + department + "\"."));
        }
    }

    CrewSession session_;
    std::string job_;
    std::optional<std::vector<std::string>> departments_;
    SyncPolicy policy_;
    std::vector<CrewCall> calls_;
    bool has_any_call_ = false;
    bool has_waited_ = false;
    std::int64_t last_run_ = 0;
};

Datum sync_job(FunctionCallInfo fcinfo)
{
    check_encoding();
    std::optional<std::string> job = uuid_argument(fcinfo, 0);
    if (!job)
        throw Error("22004", "job_id must not be null", "", "Pass the job_id of rows of flex_crew_calls.");
    const std::optional<std::string> prune = text_argument(fcinfo, 2);
    prune_argument(prune, core::Prune::All);
    std::optional<std::vector<std::string>> departments = departments_argument(fcinfo);
    check_transaction();
    const std::vector<SyncRow> rows = JobSync(fcinfo, *std::move(job), std::move(departments), prune).run();
    ResultSet result(fcinfo);
    for (const SyncRow &row : rows)
        result.add(values_of(row));
    return 0;
}

} // namespace

} // namespace pg

FLEX_SYNC_FUNCTION(flex_sync_job, pg::sync_job)
