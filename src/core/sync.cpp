#include "core/sync.hpp"

#include "core/sync_run.hpp"

#include <algorithm>
#include <utility>

namespace core {

using std::chrono::milliseconds;

namespace {

constexpr int max_passes = 3;

/// Of which none is believed, before the sync gives up.
constexpr int max_listings_in_a_row = 3;
constexpr milliseconds listings_are_good_for(2000); ///< from their request on
constexpr milliseconds grace_for_slow_listings(250);

constexpr const char *call_is_gone = "The crew call was deleted, or got another flex_element_id, while it was synced.";

} // namespace

SyncResult synchronise(const ElementId &element, const Policy &policy, CrewStore &store, FlexApi &flex, Clock &clock)
{
    return SyncRun(element, policy, store, flex, clock).run();
}

SyncRun::SyncRun(const ElementId &element, const Policy &policy, CrewStore &store, FlexApi &flex, Clock &clock)
    : element_(element), policy_(policy), store_(store), flex_(flex), clock_(clock),
      requests_before_(flex.requests_sent())
{
}

SyncResult SyncRun::run()
{
    if (std::optional<SyncResult> end = read())
        return *std::move(end);
    Listing first = std::move(flex_.list({&element_, 1}, policy_.deadline, [this] { read_known(); }).front());
    first.requests = flex_.requests_sent() - requests_before_;
    return run_on(std::move(first));
}

std::optional<SyncResult> SyncRun::read()
{
    requests_before_ = flex_.requests_sent();
    read_crew();
    if (set_aside(1))
        return std::nullopt;
    return refuse(listing_);
}

void SyncRun::read_known()
{
    known_.load(store_.read_known());
}

SyncResult SyncRun::run_on(Listing first)
{
    requests_before_ = flex_.requests_sent() - first.requests;
    if (!store_.is_as_read())
        read_crew();
    if (!crew_.has_call)
        return end_without_call();
    if (!is_too_old(first))
        first_listing_ = std::move(first);
    if (!list_first())
        return refuse(listing_);
    if (std::optional<std::string> why = why_blocked())
        return block(std::move(*why));
    if (!set_requests_aside())
        return refuse(listing_);

    try {
        run_passes();
    } catch (const DatabaseError &error) {
        note_database_error(error, "sync");
        is_stopped_ = true;
        is_confirmed_ = false;
        replan(); // whatever was read last
    }
    return finish();
}

void SyncRun::run_passes()
{
    for (passes_ = 1;; ++passes_) {
        // The crew is read again with it, and may have become another one.
        forget_rows();
        if (is_stopped_without_call() || is_stopped_by_guard())
            break;
        note_earlier_adds();
        const bool is_sent = carry_out();
        if (is_sent || is_waiting())
            is_confirmed_ = settle(is_sent);
        // Whoever was assigned while Flex was being asked is heard (I8).
        if (!store_.is_as_read()) {
            read_crew();
            replan();
        }
        if (is_stopped_without_call() || !is_confirmed_ || passes_ == max_passes || !has_open_steps() ||
            is_stopped_by_guard())
            break;
        if (!set_requests_aside()) {
            is_stopped_ = true;
            failures_.push_back({.action = "list", .code = listing_.code, .message = listing_.message});
            break;
        }
    }
}

/// From now on nothing that the database refuses may take along what was done in Flex.
void SyncRun::guard()
{
    if (!is_guarded_)
        store_.guard();
    is_guarded_ = true;
}

void SyncRun::note_database_error(const DatabaseError &error, std::string_view action)
{
    failures_.push_back({.action = std::string(action),
                         .code = error.sqlstate(),
                         .message = "The database refused to go on: " + error.message()});
}

/// True if a listing says too little of what Flex shows now to be acted on. One that Flex itself took longer for is as
/// good as another would be, while nothing has happened since.
bool SyncRun::is_too_old(const Listing &listing) const
{
    using Duration = std::chrono::duration<double, std::milli>;
    if (listing.answer.outcome != Outcome::Done)
        return false;
    const Duration age = clock_.now() - listing.asked_at;
    const bool was_slow = listing.answer.duration > Duration(listings_are_good_for);
    return age >
           (was_slow ? listing.answer.duration + Duration(grace_for_slow_listings) : Duration(listings_are_good_for));
}

SyncResult SyncRun::end_without_call() const
{
    SyncResult result;
    result.status = Status::Failed;
    result.failed = 1;
    result.http_requests = requests_sent();
    result.message = std::string("Nothing was changed. ") + call_is_gone;
    result.diagnostics.push_back({.action = "sync", .code = "call_gone", .message = call_is_gone});
    return result;
}

/// True if nothing points at the element any more: what Flex shows there is nobody's to judge.
bool SyncRun::is_stopped_without_call()
{
    if (crew_.has_call)
        return false;
    is_stopped_ = true;
    failures_.push_back({.action = "sync", .code = "call_gone", .message = call_is_gone});
    return true;
}

bool SyncRun::is_stopped_by_guard()
{
    std::optional<std::string> why = why_blocked();
    if (!why)
        return false;
    is_stopped_ = true;
    failures_.push_back({.action = "remove", .code = "max_removals", .message = std::move(*why)});
    return true;
}

/// Sets requests aside, if there is a limit. If they do not fit, the answer to a listing that is not sent says so.
bool SyncRun::set_aside(int requests)
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
int SyncRun::requests_to_send() const
{
    int requests = 0;
    int deletions = 0;
    for (const Step *step : steps_to_send()) {
        deletions += step->action == Action::Remove || step->action == Action::Prune;
        requests += step->action == Action::Add && step->role ? 2 : 1;
    }
    if (deletions > 1 && flex_.deletes_in_bulk(element_))
        requests -= deletions - 1;
    return requests == 0 ? 0 : requests + 1;
}

bool SyncRun::set_requests_aside()
{
    const int requests = requests_to_send();
    const int missing = requests - std::exchange(prepaid_requests_, 0);
    if (missing > 0 && !set_aside(missing))
        return false;
    if (requests > 0)
        prepaid_listings_ = 1;
    return true;
}

/// Whether the first listing may be asked for again: only where what it asks for would fit as well. A sync that is
/// deferred takes one listing at most.
bool SyncRun::can_look_again()
{
    prepaid_requests_ = requests_to_send();
    if (!set_aside(1 + prepaid_requests_))
        return false;
    prepaid_listings_ = 1;
    return true;
}

const Answer &SyncRun::preview()
{
    read_crew();
    read_known();
    list();
    return listing_;
}

bool SyncRun::list_first()
{
    if (!list())
        return false;
    contacts_at_start_ = count_contacts();
    rows_at_start_ = crew_.rows.size();
    note_earlier_adds();
    return true;
}

/// The contacts of the listing. A line without a type that a row names counts, since it is removed like one.
std::size_t SyncRun::count_contacts() const
{
    std::unordered_set<LineItemId> named;
    for (const Assignment &row : crew_.rows)
        if (row.line)
            named.insert(*row.line);
    return static_cast<std::size_t>(std::count_if(lines_.begin(), lines_.end(), [&](const Line &line) {
        return line.kind == LineKind::Contact || (line.kind == LineKind::Untyped && named.contains(line.id));
    }));
}

/// A listing, if the request limits allow one.
std::optional<Listing> SyncRun::next_listing()
{
    if (std::optional<Listing> first = std::exchange(first_listing_, std::nullopt))
        return first;
    if (prepaid_listings_ > 0)
        --prepaid_listings_;
    else if (!set_aside(1))
        return std::nullopt;
    return std::move(flex_.list({&element_, 1}, policy_.deadline, {}).front());
}

/// A listing that is in doubt is asked for again before it is believed: an answer can be whole and wrong. It is
/// believed when it lacks no line that the one before showed. Makes the plan of the one that it believes.
bool SyncRun::list()
{
    copy_known();
    std::unordered_set<LineItemId> missing; // from the listing before
    for (int tries = 1;; ++tries) {
        std::optional<Listing> next = next_listing();
        if (!next)
            return false;
        Listing &listing = *next;
        listing_ = listing.answer;
        if (listing_.outcome != Outcome::Done)
            return false;
        if (std::optional<std::string> why = why_void(crew_.rows, listing.lines)) {
            listing_.outcome = Outcome::Unknown;
            listing_.code = "void";
            listing_.message = "Flex answered a listing that cannot be true: " + *why + ".";
            return false;
        }
        // One that is not believed is still right about whom it shows.
        find_lost_adds(listing.lines);
        const std::size_t deleted_but_shown =
            std::erase_if(listing.lines, [this](const Line &line) { return deleted_.contains(line.id); });
        Plan plan = plan_of(listing.lines);
        std::unordered_set<LineItemId> doubtful = doubtful_lines(plan);
        const bool is_believed = std::all_of(doubtful.begin(), doubtful.end(),
                                             [&](const LineItemId &line) { return missing.contains(line); });
        if (!is_believed && tries == max_listings_in_a_row) {
            listing_.outcome = Outcome::Unknown;
            listing_.code = "void";
            listing_.message = "Flex answered listings in a row that do not agree about which contacts are gone.";
            return false;
        }
        missing = std::move(doubtful);
        if (!is_believed && passes_ > 0) {
            continue;
        }
        lines_ = std::move(listing.lines); // which stay where they are: the plan points at them
        plan_ = std::move(plan);
        deleted_but_shown_ = deleted_but_shown;
        if (is_believed)
            return true;
        if (tries == 1 && !can_look_again())
            return false;
    }
}

void SyncRun::read_crew()
{
    if (is_guarded_) {
        Crew crew = store_.read(); // where that fails, the sync ends with the one that it has
        plan_ = {};
        crew_ = std::move(crew);
        return;
    }
    plan_ = {};
    crew_ = {}; // two would take twice the memory
    crew_ = store_.read();
}

Plan SyncRun::plan_of(std::span<const Line> lines) const
{
    return plan(crew_, lines, planned_known_, policy_.prune, [this] { clock_.check(); });
}

/// What is known changes while a plan is carried out, so that plans have a copy of their own.
void SyncRun::copy_known()
{
    plan_ = {};
    planned_known_.clear();
    for (const KnownLine &known : known_.all())
        if (!known.line || !deleted_.contains(*known.line))
            planned_known_.push_back(known);
}

void SyncRun::replan()
{
    copy_known();
    plan_ = plan_of(lines_);
    // A contact that is being removed goes whatever the policy, also once the row that named it is mapped anew.
    for (Step &step : plan_.steps)
        if (step.action == Action::Retain && step.reason == Reason::PolicyRetains &&
            removal_rows_.contains(*step.line)) {
            step.action = Action::Remove;
            step.reason = Reason::ResourceChanged;
        }
}

/// The lines that a listing should have shown: those of rows that it makes stale. Where people are still desired it is
/// a line each, since believing it calls them again; of others only where many are gone at once (two fifths, as where
/// every second line is missing). Any line, once a listing of this sync has shown it.
std::unordered_set<LineItemId> SyncRun::doubtful_lines(const Plan &plan) const
{
    std::unordered_set<LineItemId> desired, others;
    for (const Step &step : plan.steps) {
        if (step.action != Action::Forget || !step.line || removal_rows_.contains(*step.line))
            continue; // or it is what this sync asked for
        if (step.reason == Reason::ContactGone || step.reason == Reason::LineIsNoContact)
            desired.insert(*step.line);
        else if (step.reason == Reason::NotDesiredAndGone)
            others.insert(*step.line);
    }
    const std::size_t stale = desired.size() + others.size();
    if (passes_ > 0 || (stale > 1 && stale * 5 >= crew_.rows.size() * 2))
        desired.merge(others);
    return desired;
}

/// Deletes the rows that name nothing, and reads the rest again: whoever changed a row meanwhile is heard (I8).
void SyncRun::forget_rows()
{
    std::vector<Assignment> rows;
    std::unordered_map<std::string, Action> actions;
    for (const Step &step : plan_.steps) {
        if (step.action != Action::Forget || frees_contact(step) || !is_open(step))
            continue;
        rows.push_back(*step.row);
        actions.emplace(member_key(*step.call, *step.technician), step.action);
        recalled_ += is_recall(step);
    }
    if (rows.empty())
        return;
    note_row_errors(store_.rehearse(rows, {}), actions);
    std::erase_if(
        rows, [this](const Assignment &row) { return closed_forgets_.contains(member_key(row.call, row.technician)); });
    note_row_errors(store_.write(rows, {}), actions);
    for (const Assignment &row : rows)
        stale_ += !closed_forgets_.contains(member_key(row.call, row.technician)) &&
                  !(row.line && removals_.contains(*row.line));
    read_crew();
    replan();
}

/// An add that an earlier sync lost is not sent again before a second listing, long enough after, has not shown it.
void SyncRun::note_earlier_adds()
{
    for (const Step &step : plan_.steps) {
        if (step.action != Action::Add || lost_.contains(*step.resource) || !is_open(step))
            continue;
        if (const KnownLine *const lost = known_.lost_add(*step.resource))
            lost_.emplace(
                *step.resource,
                LostAdd{.at = clock_.now() - lost->age, .listings = 1, .is_paused = !lost->may_be_added_again()});
    }
}

} // namespace core
