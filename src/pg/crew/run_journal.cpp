#include "pg/crew/run_journal.hpp"

#include "pg/server/encoding.hpp"
#include "pg/server/json.hpp"
#include "pg/server/latch.hpp"
#include "pg/server/lock.hpp"
#include "pg/server/session_worker.hpp"
#include "pg/server/settings.hpp"

#include <algorithm>

#include "pg/server/wall.hpp"

namespace pg {

using core::JournalEntry;
using core::Permit;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

/// For a worker to start, or to write a few rows. After that it counts as one that is not to be had.
constexpr milliseconds patience(5000);

/// Beyond the deadline of the run, to end it. That leaves twice as much before a timeout of the server.
constexpr milliseconds grace(250);

const std::string ended = "its background worker has ended (the server's log says why)";

/// Whether the last run of this session wrote something.
bool last_run_wrote = false;

} // namespace

RunJournal::RunJournal(const Connection &connection, const OwnTables &own, const Run &run,
                       const core::ElementId &element)
    : connection_(connection), own_(own), run_(run), lock_key_(lock_key(element)),
      state_(connection.options.journal == JournalMode::Off || !own.has_accounts ? State::Off : State::Closed)
{
}

void RunJournal::prepare()
{
    if (state_ == State::Closed && last_run_wrote)
        start();
}

std::optional<std::string> RunJournal::open(core::TimePoint deadline)
{
    if (state_ == State::Closed) {
        std::optional<std::string> why = ask_writer(deadline);
        state_ = why ? give_up(*std::move(why)) : State::Open;
    }
    if (state_ != State::Over)
        return std::nullopt;
    return "The journal could not be written: " + why_not_ + ". Try again, or set the option \"journal\" of server \"" +
           connection_.server + "\" to auto.";
}

std::int64_t RunJournal::intend(std::span<const JournalEntry> adds)
{
    return is_up() ? SessionWorker::instance().ask(message(journal_message::intent, adds)) : 0;
}

Permit RunJournal::permit(std::int64_t intent)
{
    if (is_up()) {
        SessionWorker &worker = SessionWorker::instance();
        std::optional<std::string> answer = worker.answer_to(intent);
        if (!answer && !worker.is_lost(intent))
            return Permit::Wait;
        if (answer && answer->empty())
            return Permit::Go;
        state_ = answer ? give_up(*std::move(answer)) : end_without_writer();
    }
    return state_ == State::Without ? Permit::Go : Permit::Never;
}

void RunJournal::record(const JournalEntry &entry)
{
    if (state_ == State::Closed ? !start() : is_up())
        SessionWorker::instance().send(message(journal_message::entry, {&entry, 1}));
}

std::size_t RunJournal::slice() const
{
    return static_cast<std::size_t>(connection_.options.http.max_parallel);
}

bool RunJournal::records_listings() const
{
    return connection_.options.hourly_limit != 0 || connection_.options.daily_limit != 0;
}

bool RunJournal::close(core::TimePoint deadline)
{
    last_run_wrote = is_used_;
    if (!is_used_)
        return false;
    SessionWorker &worker = SessionWorker::instance();
    worker.at_end({});
    const core::TimePoint now = steady_clock::now();
    std::optional<std::string> why = wait_for(worker.ask(std::string(1, journal_message::end)),
                                              std::min(now + patience, std::max(now, deadline) + grace));
    worker.forget_answers();
    if (why && state_ == State::Open) {
        why_not_ = *std::move(why);
        state_ = State::Without;
    }
    return true;
}

std::optional<core::Diagnostic> RunJournal::trouble() const
{
    if (state_ != State::Without)
        return std::nullopt;
    return core::Diagnostic{.action = "sync",
                            .code = "journal",
                            .message = "The journal could not be written: " + why_not_ +
                                       ". Should the transaction be rolled back, what was done in Flex is not "
                                       "remembered."};
}

/// True while the writer is there. One that dies in the middle of a run takes the record of what is under way along, so
/// that nobody is added any more.
bool RunJournal::is_up()
{
    if (state_ == State::Open && SessionWorker::instance().is_gone())
        state_ = end_without_writer();
    return state_ == State::Open;
}

RunJournal::State RunJournal::end_without_writer()
{
    why_not_ = ended;
    return State::Over;
}

/// Starts the writer unless it runs. Why none is to be had, if so.
std::optional<std::string> RunJournal::start()
{
    return SessionWorker::instance().start({.library = own_.library,
                                            .function = "flex_sync_journal_writer",
                                            .owner = own_.identity.owner,
                                            .schema = own_.schema});
}

/// Why the journal cannot be written; none if it can.
std::optional<std::string> RunJournal::ask_writer(core::TimePoint deadline)
{
    SessionWorker &worker = SessionWorker::instance();
    std::optional<std::string> why;
    // One that was idle may end at this very moment, and another one serves.
    for (int tries = 0; tries < 2; ++tries) {
        if ((why = start()))
            return why;
        why = wait_for(worker.ask(message(journal_message::intent, {})),
                       std::min(steady_clock::now() + patience, deadline));
        if (why != ended)
            return why;
        is_told_ = false;
    }
    return why;
}

/// Waits for an answer. What it says, unless that is nothing.
std::optional<std::string> RunJournal::wait_for(std::int64_t answer, core::TimePoint until)
{
    SessionWorker &worker = SessionWorker::instance();
    LatchWaiter waiter;
    for (;;) {
        if (std::optional<std::string> text = worker.answer_to(answer))
            return text->empty() ? std::nullopt : std::move(text);
        if (worker.is_lost(answer))
            return ended;
        const auto left = std::chrono::ceil<milliseconds>(until - steady_clock::now());
        if (left <= milliseconds(0))
            return "its background worker does not answer (the server is busy, or the disk is slow)";
        waiter.wait(-1, left, flex::WaitFor::Journal);
    }
}

std::string RunJournal::message(char kind, std::span<const JournalEntry> entries)
{
    is_used_ = true;
    SessionWorker::instance().at_end(std::string(1, journal_message::end));
    JsonWriter json;
    json.begin_array();
    for (const JournalEntry &entry : entries) {
        json.begin_object();
        json.number("run_id", *run_.run_id);
        json.number("ordinal", std::int64_t{entry.ordinal});
        json.text("crew_call_id", run_.call.id);
        json.text("flex_element_id", *run_.call.element);
        json.text("server", run_.server);
        json.text("url", run_.url);
        json.number("lock_key", lock_key_);
        json.text("action", entry.action ? core::name_of(*entry.action) : "list");
        json.id("technician_id", entry.technician);
        json.id("flex_resource_id", entry.resource);
        json.id("flex_line_item_id", entry.line);
        json.id("business_role_id", entry.role);
        if (entry.outcome)
            json.text("outcome", outcome_name(*entry.outcome));
        if (entry.http_status != 0)
            json.number("http_status", std::int64_t{entry.http_status});
        json.number("http_requests", std::int64_t{entry.requests});
        if (!is_told_) {
            json.begin_object("run");
            json.optional_text("job_id", run_.call.job);
            json.optional_text("department", run_.call.department);
            json.text("prune", core::name_of(run_.prune));
            json.number("max_removals", std::int64_t{run_.max_removals});
            json.number("started_at", run_.started_at);
            json.text("triggered_by", triggered_by());
            json.text("application_name", storable(setting("application_name")));
            json.end_object();
            is_told_ = true;
        }
        json.end_object();
    }
    json.end_array();
    return kind + std::string(json.view());
}

/// How a run goes on without the journal.
RunJournal::State RunJournal::give_up(std::string why)
{
    why_not_ = std::move(why);
    return connection_.options.journal == JournalMode::Auto ? State::Without : State::Over;
}

} // namespace pg
