#include "core/sync.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace core {

namespace {

constexpr int max_passes = 3;

/// Of which none is believed, before the sync gives up.
constexpr int max_listings_in_a_row = 3;
constexpr Milliseconds listings_are_good_for(2000); ///< from their request on
constexpr Milliseconds grace_for_slow_listings(250);

/// For a listing that is hardly measurable, and for the rows that are written before it.
constexpr Milliseconds least_reserve(100);

/// Pauses before a listing that lags is asked for again: it has a few seconds to show what Flex accepted.
constexpr std::array lag_pauses{Milliseconds(500), Milliseconds(1600), Milliseconds(3000)};

bool is_deletion(const Step &step)
{
    return step.action == Action::Remove || step.action == Action::Prune;
}

Change change_of(const Step &step)
{
    switch (step.action) {
    case Action::Add:
        return {.kind = Change::Kind::Add, .resource = copy_of(step.resource), .role = copy_of(step.role)};
    case Action::SetRole:
        return {.kind = Change::Kind::SetRole, .line = copy_of(step.line), .role = copy_of(step.role)};
    default:
        return {.kind = Change::Kind::Delete, .line = copy_of(step.line)};
    }
}

JournalEntry entry_of(const Step &step)
{
    return {.action = step.action,
            .technician = copy_of(step.technician),
            .resource = copy_of(step.resource),
            .line = copy_of(step.line),
            .role = copy_of(step.role)};
}

/// A step for each request, in the order in which they begin: deletions, roles, then adds, each of which brings its
/// role.
std::vector<const Step *> steps_to_send(const Plan &plan, const Ledger &ledger)
{
    std::vector<const Step *> deletions, roles, adds;
    std::unordered_set<LineItemId> lines;
    for (const Step &step : plan.steps) {
        if (!ledger.may(step))
            continue;
        if (step.action == Action::Add)
            adds.push_back(&step);
        else if (step.action == Action::SetRole)
            roles.push_back(&step);
        else if (is_deletion(step) && lines.insert(*step.line).second)
            deletions.push_back(&step);
    }
    std::vector<const Step *> steps = std::move(deletions);
    steps.insert(steps.end(), roles.begin(), roles.end());
    steps.insert(steps.end(), adds.begin(), adds.end());
    return steps;
}

/// The lines that an add cannot be answered with, if what it says is true: all that were there before.
std::unordered_set<LineItemId> lines_in_use(const Picture &picture, const KnownLines &known, const Ledger &ledger)
{
    std::unordered_set<LineItemId> lines;
    for (const LineItemId &line : ledger.deleted_lines())
        lines.insert(line);
    for (const Line &line : picture.lines())
        lines.insert(line.id);
    for (const KnownLine &line : known.all())
        if (line.line)
            lines.insert(*line.line);
    for (const Assignment &row : picture.crew().rows)
        if (row.line)
            lines.insert(*row.line);
    return lines;
}

/// An error that comes back with the same row: bad data, a constraint, the user's own trigger. Not a deadlock or a lock
/// timeout, after which the contact stays and the next sync adopts it.
bool comes_back(const std::string &sqlstate)
{
    return sqlstate.starts_with("22") || sqlstate.starts_with("23") || sqlstate.starts_with("P0");
}

} // namespace

/// Rows to write, and the steps that they come from.
struct Sync::RowChanges {
    std::vector<Assignment> gone = {};
    std::vector<Assignment> mapped = {};
    std::unordered_map<Member, const Step *> steps = {};

    void drop(const Step &step)
    {
        gone.push_back(*step.row);
        steps.emplace(step.row->member(), &step);
    }

    void map(const Step &step, std::optional<LineItemId> line)
    {
        mapped.push_back({*step.call, *step.technician, std::move(line)});
        steps.emplace(mapped.back().member(), &step);
    }

    bool empty() const { return steps.empty(); }

    const Step &step_of(const Assignment &row) const { return *steps.at(row.member()); }
};

Sync::Sync(const Policy &policy, CrewStore &store, Clock &clock)
    : policy_(policy), store_(store), clock_(clock), picture_(policy.prune, [&clock] { clock.check(); })
{
}

// ---- what is wanted, and what came of it --------------------------------------------------------------------------

Want Sync::begin()
{
    read_crew();
    return ask();
}

void Sync::meanwhile()
{
    if (!known_.is_loaded())
        known_.load(store_.read_known());
}

Want Sync::listed(Listing listing)
{
    return go_on([&]() -> Want {
        course_.requests += listing.requests;
        record_answer(listing);
        meanwhile();
        if (stage_ != Stage::FirstListing)
            return see(std::move(listing));
        stage_ = Stage::SecondLook;
        if (!policy_.only_plans && !store_.is_as_read())
            read_crew();
        listing_ = listing.answer;
        if (!picture_.crew().has_call)
            return report_gone_call(course_.requests);
        if (is_too_old(listing))
            return look();
        picture_.know(known_, ledger_);
        return see(std::move(listing));
    });
}

Want Sync::changed(const ChangeResults &results)
{
    return go_on([&]() -> Want {
        course_.requests += results.requests;
        sending_.requests += results.requests;
        if (stage_ == Stage::TakingBack) {
            for (std::size_t i = 0; i < results.list.size(); ++i)
                ledger_.took_back(*sending_.taken_back[i].resource, *sending_.taken_back[i].line,
                                  results.list[i].answer);
            return end_sending();
        }
        for (std::size_t i = 0; i < results.list.size(); ++i)
            ledger_.took(*sending_.steps[i], results.list[i], clock_.now());
        return write_rows();
    });
}

Want Sync::paused()
{
    return go_on([this] { return close(); });
}

/// What the database refuses once something may have been sent ends the sync, and takes nothing along of what was done
/// in Flex.
template <class Body> Want Sync::go_on(Body &&body)
{
    try {
        return body();
    } catch (const DatabaseError &error) {
        stop(database_refusal("sync", error));
        course_.is_confirmed = false;
        picture_.replan(known_, ledger_); // whatever was read last
    }
    return finish();
}

// ---- looking at Flex ----------------------------------------------------------------------------------------------

/// True if a listing says too little of what Flex shows now to be acted on. One that Flex itself took longer for is as
/// good as another would be, while nothing has happened since.
bool Sync::is_too_old(const Listing &listing) const
{
    using Duration = std::chrono::duration<double, std::milli>;
    if (listing.answer.outcome != Outcome::Done)
        return false;
    const Duration age = clock_.now() - listing.asked_at;
    const bool was_slow = listing.answer.duration > Duration(listings_are_good_for);
    return age >
           (was_slow ? listing.answer.duration + Duration(grace_for_slow_listings) : Duration(listings_are_good_for));
}

Want Sync::look()
{
    picture_.know(known_, ledger_);
    look_ = {.begun_at = clock_.now()};
    return ask();
}

/// Wants a listing, if the request limits allow one.
Want Sync::ask()
{
    if (prepaid_.listings > 0)
        --prepaid_.listings;
    else if (!set_aside(1))
        return see_nothing();
    record_listing();
    return WantsListing{policy_.deadline};
}

/// A listing that is in doubt is asked for again before it is believed: an answer can be whole and wrong. It is
/// believed when it lacks no line that the one before showed.
Want Sync::see(Listing listing)
{
    listing_ = listing.answer;
    if (listing_.outcome != Outcome::Done)
        return see_nothing();
    if (const std::optional<std::string> why = why_void(picture_.crew().rows, listing.lines))
        return see_nothing("void", "Flex answered a listing that cannot be true: " + *why + ".");
    ledger_.showed(listing.lines);
    View view = picture_.view(std::move(listing.lines), ledger_);
    const bool is_first = course_.passes == 0;
    std::unordered_set<LineItemId> doubtful = picture_.doubtful_lines(view.plan, ledger_, !is_first);
    const bool is_believed = std::all_of(doubtful.begin(), doubtful.end(),
                                         [this](const LineItemId &line) { return look_.missing.contains(line); });
    if (++look_.listings == max_listings_in_a_row && !is_believed)
        return see_nothing("void", "Several listings in a row disagree about which contacts are gone.");
    look_.missing = std::move(doubtful);
    if (is_believed || is_first)
        picture_.believe(std::move(view));
    if (is_believed)
        return is_first ? begin_passes() : end_look();
    if (is_first && look_.listings == 1 && !can_look_again())
        return see_nothing();
    return ask();
}

Want Sync::see_nothing(const char *code, std::string message)
{
    listing_.outcome = Outcome::Unknown;
    listing_.code = code;
    listing_.message = std::move(message);
    return see_nothing();
}

/// No listing came, or none that can be believed.
Want Sync::see_nothing()
{
    if (course_.passes == 0)
        return report_refusal(picture_.crew(), listing_, course_.requests);
    picture_.replan(known_, ledger_); // a look lets go of the plan
    // What an earlier one of these showed holds.
    course_.is_confirmed = sending_.looks > 1 || sending_.requests == 0;
    if (!course_.is_confirmed) {
        course_.failures.push_back({.action = "list",
                                    .code = listing_.code,
                                    .message = "The closing listing did not arrive: " + listing_.message});
        if (listing_.http_status)
            course_.failures.back().http_status = listing_.http_status;
    }
    return end_pass();
}

// ---- request limits -----------------------------------------------------------------------------------------------

/// Sets requests aside, if there is a limit. If they do not fit, the answer to a listing that is not sent says so.
bool Sync::set_aside(int requests)
{
    if (!policy_.budget || requests == 0)
        return true;
    std::optional<RequestBudget::Refusal> refusal = policy_.budget->set_aside(requests);
    if (!refusal)
        return true;
    listing_ = {.outcome = Outcome::RefusedForNow,
                .code = refusal->is_for_ever ? "never_fits" : "request_limit",
                .message = std::move(refusal->why),
                .retry_after = refusal->until};
    return false;
}

/// What the plan takes: its changes, the roles of its adds, and the listing that closes it.
int Sync::requests_to_send() const
{
    int requests = 0;
    int deletions = 0;
    for (const Step *step : steps_to_send(picture_.plan(), ledger_)) {
        deletions += is_deletion(*step);
        requests += step->action == Action::Add && step->role ? 2 : 1;
    }
    if (takes_bulk(deletions))
        requests -= deletions - 1;
    return requests == 0 ? 0 : requests + 1;
}

/// Once in a sync: some tenants answer 2xx and delete nothing. What a listing still shows goes one by one.
bool Sync::takes_bulk(int deletions) const
{
    return policy_.deletes_in_bulk && !sending_.was_in_bulk && deletions > 1;
}

bool Sync::set_requests_aside()
{
    const int requests = requests_to_send();
    const int missing = requests - std::exchange(prepaid_.changes, 0);
    if (missing > 0 && !set_aside(missing))
        return false;
    if (requests > 0)
        prepaid_.listings = 1;
    return true;
}

/// Whether the first listing may be asked for again: only where what it asks for would fit as well. A sync that is
/// deferred takes one listing at most.
bool Sync::can_look_again()
{
    prepaid_.changes = requests_to_send();
    if (!set_aside(1 + prepaid_.changes))
        return false;
    prepaid_.listings = 1;
    return true;
}

// ---- the journal --------------------------------------------------------------------------------------------------

/// False if nothing may be changed for want of a journal; then the answer to a listing that is not sent says so.
bool Sync::open_journal()
{
    if (!policy_.journal)
        return true;
    std::optional<std::string> why = policy_.journal->open(policy_.deadline);
    if (!why)
        return true;
    listing_ = {.outcome = Outcome::RefusedForNow, .code = "journal", .message = std::move(*why)};
    return false;
}

/// Where requests are limited, a listing counts whatever becomes of the transaction.
void Sync::record_listing()
{
    if (!policy_.journal || !policy_.journal->records_listings())
        return;
    look_.entry = {.ordinal = policy_.journal->next_listing()};
    policy_.journal->record(look_.entry);
}

void Sync::record_answer(const Listing &listing)
{
    if (look_.entry.ordinal == 0)
        return;
    look_.entry.outcome = listing.answer.outcome;
    look_.entry.http_status = listing.answer.http_status;
    look_.entry.requests = listing.requests;
    policy_.journal->record(look_.entry);
}

// ---- a pass -------------------------------------------------------------------------------------------------------

Want Sync::begin_passes()
{
    if (policy_.only_plans)
        return SyncResult{};
    course_.start = {.contacts = picture_.count_contacts(), .rows = picture_.crew().rows.size()};
    note_earlier_adds();
    if (std::optional<std::string> why = why_blocked())
        return report_block(picture_, ledger_, std::move(*why), course_.requests);
    if (!set_requests_aside() || (requests_to_send() > 0 && !open_journal()))
        return see_nothing();
    return begin_pass();
}

Want Sync::begin_pass()
{
    ++course_.passes;
    // The crew is read again with it, and may have become another one.
    forget_rows();
    if (is_stopped_without_call() || is_stopped_by_guard())
        return finish();
    note_earlier_adds();
    return carry_out();
}

/// Deletes the rows that name nothing, and reads the rest again: whoever changed a row meanwhile is heard (I8).
void Sync::forget_rows()
{
    RowChanges rows;
    for (const Step &step : picture_.plan().steps) {
        if (step.action != Action::Forget || frees_contact(step) || !ledger_.may(step))
            continue;
        rows.drop(step);
        if (is_recall(step, ledger_))
            ledger_.note_recall();
    }
    if (rows.empty())
        return;
    note_row_errors(store_.rehearse(rows.gone, {}), rows);
    std::erase_if(rows.gone, [&](const Assignment &row) { return ledger_.has_closed_forget(rows.step_of(row)); });
    note_row_errors(store_.write(rows.gone, {}), rows);
    for (const Assignment &row : rows.gone)
        if (!ledger_.has_closed_forget(rows.step_of(row)) && !(row.line && ledger_.is_removed(*row.line)))
            ledger_.note_stale();
    read_crew();
    picture_.replan(known_, ledger_);
}

/// An add that an earlier sync lost is not sent again before a second listing, long enough after, has not shown it.
void Sync::note_earlier_adds()
{
    for (const Step &step : picture_.plan().steps)
        ledger_.note_earlier_add(step, clock_.now());
}

Want Sync::carry_out()
{
    ledger_.begin_pass();
    sending_ = {.was_in_bulk = sending_.was_in_bulk};
    rehearse_rows();
    sending_.steps = steps_to_send(picture_.plan(), ledger_);
    if (sending_.steps.empty())
        return write_rows();
    // The plan may ask for something only now that rows are forgotten.
    if (!open_journal()) {
        stop({.action = "sync", .code = listing_.code, .message = listing_.message});
        return finish();
    }
    std::vector<Change> changes;
    std::vector<JournalEntry> entries;
    changes.reserve(sending_.steps.size());
    for (const Step *step : sending_.steps) {
        changes.push_back(change_of(*step));
        if (policy_.journal)
            entries.push_back(entry_of(*step));
    }
    for (const Step &step : picture_.plan().steps)
        ledger_.sending(step);
    if (!std::exchange(course_.has_begun, true))
        store_.guard();
    stage_ = Stage::Changes;
    // The closing listing takes about as long as the one before; its time is set aside.
    const auto reserve = std::chrono::ceil<Milliseconds>(listing_.duration * 1.5) + least_reserve;
    return send(std::move(changes), std::move(entries), policy_.deadline - reserve);
}

/// Finds the rows that could not be written once Flex has done its part, before anybody is called: such a technician
/// alone is left out.
void Sync::rehearse_rows()
{
    const std::vector<Step> &steps = picture_.plan().steps;
    std::unordered_set<ResourceId> adds;
    for (const Step &step : steps)
        if (step.action == Action::Add && ledger_.may(step))
            adds.insert(*step.resource);
    RowChanges rows;
    for (const Step &step : steps) {
        if (ledger_.has_closed_row(step))
            continue;
        if (((step.action == Action::Remove && step.drops_row) || frees_contact(step)) && ledger_.may(step))
            rows.drop(step);
        else if (maps_to_add(step) && adds.contains(*step.resource))
            rows.map(step, std::nullopt);
        else if (step.action == Action::Adopt && step.line)
            rows.map(step, *step.line);
    }
    if (!rows.empty())
        note_row_errors(store_.rehearse(rows.gone, rows.mapped), rows);
    ledger_.close_what_has_no_row(picture_.plan());
}

Want Sync::send(std::vector<Change> list, std::vector<JournalEntry> entries, TimePoint deadline)
{
    if (policy_.journal)
        sending_.recording.emplace(*policy_.journal, std::move(entries));
    const auto deletions = std::count_if(list.begin(), list.end(),
                                         [](const Change &change) { return change.kind == Change::Kind::Delete; });
    const bool in_bulk = takes_bulk(static_cast<int>(deletions));
    sending_.was_in_bulk = sending_.was_in_bulk || in_bulk;
    return Changes{.list = std::move(list),
                   .is_new = [lines = lines_in_use(picture_, known_, ledger_)](
                                 const LineItemId &line) mutable { return lines.insert(line).second; },
                   .deletes_in_bulk = in_bulk,
                   .recording = policy_.journal ? &*sending_.recording : nullptr,
                   .deadline = deadline};
}

/// Writes the rows of what was done, in one go. A technician's row is written only when their contact is there.
Want Sync::write_rows()
{
    RowChanges rows;
    for (const Step &step : picture_.plan().steps) {
        const bool is_removed = step.action == Action::Remove && step.drops_row && ledger_.is_deleted(*step.line);
        if (is_removed || (frees_contact(step) && ledger_.may(step)))
            rows.drop(step);
        else if (std::optional<LineItemId> line = ledger_.line_to_map(step))
            rows.map(step, std::move(line));
    }
    if (rows.empty())
        return end_sending();
    const std::vector<RowError> errors = store_.write(rows.gone, rows.mapped);
    note_row_errors(errors, rows);
    for (const Assignment &row : rows.mapped)
        if (const Step &step = rows.step_of(row); !ledger_.has_closed_row(step))
            ledger_.mapped(step);
    for (const Assignment &row : rows.gone)
        if (const Step &step = rows.step_of(row); step.action == Action::Forget && !ledger_.has_closed_forget(step))
            ledger_.note_stale();
    return take_back(errors, rows);
}

/// What could not be done with these rows is not tried again by this sync.
void Sync::note_row_errors(const std::vector<RowError> &errors, const RowChanges &rows)
{
    for (const RowError &error : errors) {
        const Action action = rows.step_of(error.row).action;
        const bool is_forget = action == Action::Forget;
        if (is_forget)
            ledger_.close_forget(error.row.member());
        else
            ledger_.close_row(error.row.member());
        course_.failures.push_back(
            {.action = std::string(name_of(action)),
             .code = error.sqlstate,
             .message = (is_forget ? "The row cannot be deleted: " : "The row cannot be written: ") + error.message,
             .technician = error.row.technician.text()});
    }
}

/// Takes a contact that was just added out again where no row can be written for it, now or later.
Want Sync::take_back(const std::vector<RowError> &errors, const RowChanges &rows)
{
    const std::unordered_map<LineItemId, ResourceId> added = ledger_.added_lines();
    if (errors.empty() || added.empty())
        return end_sending();
    std::unordered_set<LineItemId> needed;
    for (const Assignment &row : rows.mapped)
        if (!ledger_.has_closed_row(rows.step_of(row)))
            needed.insert(*row.line);
    for (const RowError &error : errors) {
        const auto found = error.row.line ? added.find(*error.row.line) : added.end();
        if (found != added.end() && comes_back(error.sqlstate) && needed.insert(found->first).second)
            sending_.taken_back.push_back(
                {.kind = Change::Kind::Delete, .resource = found->second, .line = found->first});
    }
    // Beyond the request limits they stay, like those that may be written later.
    const auto requests = static_cast<int>(sending_.taken_back.size());
    if (requests == 0 || (policy_.budget && policy_.budget->set_aside(requests)))
        return end_sending();
    std::vector<JournalEntry> entries;
    for (const Change &change : sending_.taken_back)
        entries.push_back({.action = Action::Remove, .resource = change.resource, .line = change.line});
    stage_ = Stage::TakingBack;
    return send(sending_.taken_back, std::move(entries), policy_.deadline);
}

// ---- what became of it --------------------------------------------------------------------------------------------

Want Sync::end_sending()
{
    ledger_.remember_roles(picture_.plan());
    if (sending_.requests > 0)
        return close();
    return ledger_.is_waiting() ? close_in_time() : end_pass();
}

/// Lists until the listing shows what Flex accepted and lost adds are settled, or time runs out.
Want Sync::close_in_time()
{
    const std::optional<Milliseconds> pause = next_pause();
    if (!pause || clock_.now() + *pause >= policy_.deadline) {
        course_.is_confirmed = true;
        return end_pass();
    }
    return *pause > Milliseconds(0) ? WantsPause{*pause} : close();
}

/// How long to wait before the next listing; none if nothing is to be learned from one.
std::optional<Milliseconds> Sync::next_pause() const
{
    if (const std::optional<Milliseconds> pause = ledger_.time_to_settle(clock_.now()))
        return pause;
    const std::vector<Step> &steps = picture_.plan().steps;
    const bool is_lagging =
        picture_.still_shown() > 0 ||
        std::any_of(steps.begin(), steps.end(), [this](const Step &step) { return ledger_.is_lag(step); });
    if (sending_.looks == 0 || sending_.looks > lag_pauses.size() || !is_lagging)
        return std::nullopt;
    return lag_pauses[sending_.looks - 1];
}

Want Sync::close()
{
    ++sending_.looks;
    read_crew();
    stage_ = Stage::ClosingListing;
    return look();
}

Want Sync::end_look()
{
    ledger_.judge(picture_.lines(), look_.begun_at);
    picture_.replan(known_, ledger_);
    return close_in_time();
}

Want Sync::end_pass()
{
    // Whoever was assigned while Flex was being asked is heard (I8).
    if (!store_.is_as_read()) {
        read_crew();
        picture_.replan(known_, ledger_);
    }
    const std::vector<Step> &steps = picture_.plan().steps;
    const auto may = [this](const Step &step) { return ledger_.may(step); };
    if (is_stopped_without_call() || !course_.is_confirmed || course_.passes == max_passes ||
        std::none_of(steps.begin(), steps.end(), may) || is_stopped_by_guard())
        return finish();
    if (set_requests_aside())
        return begin_pass();
    stop({.action = "list", .code = listing_.code, .message = listing_.message});
    return finish();
}

// ---- the crew, and the end ----------------------------------------------------------------------------------------

void Sync::read_crew()
{
    // Two crews take twice the memory; but once something was sent a sync must be able to end with the one it has.
    if (!course_.has_begun)
        picture_.take({});
    picture_.take(store_.read());
}

/// True if nothing points at the element any more: what Flex shows there is nobody's to judge.
bool Sync::is_stopped_without_call()
{
    if (!picture_.crew().has_call)
        stop(gone_call());
    return !picture_.crew().has_call;
}

bool Sync::is_stopped_by_guard()
{
    std::optional<std::string> why = why_blocked();
    if (why)
        stop({.action = "remove", .code = "max_removals", .message = *why});
    return why.has_value();
}

std::optional<std::string> Sync::why_blocked() const
{
    return core::why_blocked(picture_.plan(), ledger_, course_.start, policy_.max_removals);
}

void Sync::stop(Diagnostic why)
{
    course_.is_stopped = true;
    course_.failures.push_back(std::move(why));
}

Want Sync::finish()
{
    SyncResult result = report(picture_, ledger_, course_);
    try {
        remember(result.status == Status::Ok);
    } catch (const DatabaseError &error) {
        // What cannot be remembered is something that did not succeed.
        add_failure(result, database_refusal("remember", error));
    }
    return result;
}

/// Writes what was learned of the lines, as far as it differs from what was known.
void Sync::remember(bool is_ok)
{
    for (const Line &line : picture_.lines())
        known_.listed(line);
    if (course_.is_confirmed)
        for (const Step &step : picture_.plan().steps)
            if (step.action == Action::Keep && step.resource && step.listed)
                known_.mapped(*step.listed, *step.resource);
    // One that no listing has shown would be taken for one that is still coming.
    const bool is_gone = course_.is_confirmed && picture_.still_shown() == 0;
    for (const LineItemId &line : ledger_.deleted_lines())
        if (is_gone || known_.is_unshown(line))
            known_.deleted(line);
    if (is_ok) {
        for (const Assignment &row : picture_.crew().rows)
            if (row.line)
                known_.alive(*row.line);
        known_.tidy();
    }
    const KnownLines::Difference difference = known_.difference();
    if (!difference.known.empty() || !difference.forgotten.empty())
        store_.remember(difference.known, difference.forgotten);
}

// ---- whoever drives one -------------------------------------------------------------------------------------------

SyncResult synchronise(const ElementId &element, const Policy &policy, CrewStore &store, FlexApi &flex, Clock &clock)
{
    Sync sync(policy, store, clock);
    return carry_through(sync, sync.begin(), element, flex, clock);
}

SyncResult carry_through(Sync &sync, Want want, const ElementId &element, FlexApi &flex, Clock &clock)
{
    for (;;) {
        if (SyncResult *const end = std::get_if<SyncResult>(&want))
            return std::move(*end);
        if (const auto *const listing = std::get_if<WantsListing>(&want)) {
            const auto meanwhile = [&sync] { sync.meanwhile(); };
            want = sync.listed(std::move(flex.list({&element, 1}, listing->deadline, meanwhile).front()));
        } else if (const auto *const pause = std::get_if<WantsPause>(&want)) {
            clock.wait(pause->duration);
            want = sync.paused();
        } else {
            want = sync.changed(flex.carry_out(element, std::get<Changes>(want)));
        }
    }
}

} // namespace core
