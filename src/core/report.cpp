#include "core/report.hpp"

#include "core/error.hpp"

namespace core {

std::string_view name_of(Status status)
{
    switch (status) {
    case Status::Ok:
        return "ok";
    case Status::Partial:
        return "partial";
    case Status::Failed:
        return "failed";
    case Status::Blocked:
        return "blocked";
    case Status::Deferred:
        return "deferred";
    }
    return "";
}

namespace {

std::string count_of(std::size_t count, std::string_view noun)
{
    return std::to_string(count).append(" ").append(noun).append(count == 1 ? "" : "s");
}

/// "20 technicians are on the crew call: 18 kept, 2 added; 1 removed."
std::string sentence_of(const SyncResult &result)
{
    const Counts &counts = result.counts;
    const int present = counts.kept + counts.adopted + counts.added;
    std::string text = count_of(static_cast<std::size_t>(present), "technician") + (present == 1 ? " is" : " are") +
                       " on the crew call";
    std::string_view separator = ": ";
    const auto list = [&](int count, std::string_view what) {
        if (count == 0)
            return;
        text.append(separator).append(std::to_string(count)).append(" ").append(what);
        separator = ", ";
    };
    list(counts.kept, "kept");
    list(counts.adopted, "adopted");
    list(counts.added, "added");
    separator = "; ";
    list(counts.removed, "removed");
    list(counts.pruned, "pruned");
    list(counts.retained, "retained");
    list(counts.stale, "stale");
    list(counts.roles_set, counts.roles_set == 1 ? "role set" : "roles set");
    list(counts.skipped, "skipped without a usable resource");
    if (result.status == Status::Partial)
        text += counts.failed == 1
                    ? "; 1 operation did not succeed, see diagnostics"
                    : "; " + std::to_string(counts.failed) + " operations did not succeed, see diagnostics";
    return text + ".";
}

/// "120 s"
std::string seconds_of(Milliseconds time)
{
    return std::to_string(std::chrono::ceil<std::chrono::seconds>(time).count()) + " s";
}

/// A diagnostic of a step or an operation.
Diagnostic about(const auto &what, std::string code, std::string message)
{
    Diagnostic diagnostic{
        .action = std::string(name_of(what.action)), .code = std::move(code), .message = std::move(message)};
    if (what.technician)
        diagnostic.technician = what.technician->text();
    if (what.resource)
        diagnostic.resource = what.resource->text();
    if (what.line)
        diagnostic.line = what.line->text();
    return diagnostic;
}

/// The four kinds of desired technician, as the last plan found them, each by how it came to be there.
void count_members(Counts &counts, const Plan &plan, const Ledger &ledger)
{
    for (const Step &step : plan.steps) {
        switch (step.action) {
        case Action::Keep: {
            const Origin origin = ledger.origin_of(step);
            counts.kept += origin == Origin::Kept;
            counts.adopted += origin == Origin::Adopted;
            counts.added += origin == Origin::Added;
            break;
        }
        case Action::Skip:
            ++counts.skipped;
            break;
        case Action::Add:
        case Action::Adopt:
            break;
        default:
            continue;
        }
        ++counts.desired;
    }
}

/// Counts what was done and reports what was not.
void report_operations(SyncResult &result, const Ledger &ledger)
{
    for (std::size_t i = 0; i < ledger.operations().size(); ++i) {
        const Operation &operation = ledger.operations()[i];
        const Answer &answer = operation.answer;
        if (answer.outcome == Outcome::Done) {
            result.counts.pruned += operation.action == Action::Prune;
            result.counts.roles_set += operation.action == Action::SetRole;
            continue;
        }
        if (!ledger.is_last(i) || (operation.line && ledger.is_deleted(*operation.line)))
            continue;
        ++result.counts.failed;
        if (operation.action == Action::Add && answer.outcome == Outcome::Unknown)
            result.diagnostics.push_back(
                about(operation, "unknown", "It is not known whether the contact was added. " + answer.message));
        else
            result.diagnostics.push_back(about(operation, answer.code, answer.message));
        if (answer.http_status != 0)
            result.diagnostics.back().http_status = answer.http_status;
    }
}

/// True if the step stayed undone because of something that is reported for itself.
bool is_explained(const Step &step, const Ledger &ledger)
{
    if (ledger.has_closed_row(step) || ledger.has_failed(step))
        return true;
    switch (step.action) {
    case Action::Forget:
        return ledger.has_closed_forget(step);
    case Action::Remove:
        return ledger.is_closed(*step.line);
    case Action::SetRole:
    case Action::Adopt:
        return !step.line; // follows from an add
    default:
        return false;
    }
}

/// Why a step is still to be done although nothing failed, if it is: a change that Flex accepted and does not show, an
/// add that an earlier sync lost, or a change by others that came too fast.
std::optional<Diagnostic> why_open(const Step &step, const Ledger &ledger)
{
    if (step.action == Action::SetRole && ledger.is_lag(step))
        return about(step, "not_shown", "Flex accepted the business role, but does not show it.");
    if (step.reason == Reason::NotShownYet)
        return about(step, "not_shown", "Flex accepted the contact, but no listing has shown it yet.");
    if (step.action == Action::Add && ledger.is_lost(*step.resource))
        return about(step, "unknown",
                     "The answer to an earlier add was lost. No listing has shown yet whether it was done.");
    if (is_change(step))
        return about(step, "changed_meanwhile", "The crew changed while it was synced; the next sync goes on.");
    return std::nullopt;
}

/// What a whole listing shows to be undone.
void report_open_steps(SyncResult &result, const Picture &picture, const Ledger &ledger)
{
    for (const Step &step : picture.plan().steps) {
        if (is_explained(step, ledger))
            continue;
        if (std::optional<Diagnostic> why = why_open(step, ledger)) {
            result.diagnostics.push_back(*std::move(why));
            ++result.counts.failed;
        }
    }
    if (picture.still_shown() == 0)
        return;
    result.counts.failed += static_cast<int>(picture.still_shown());
    result.diagnostics.push_back({.action = "remove",
                                  .code = "still_shown",
                                  .message = "Flex accepted the deletion of " +
                                             count_of(picture.still_shown(), "contact") + ", but still shows it."});
}

/// Contacts that the policy leaves are no failure, but somebody should look at them: a person may be called for
/// nothing. Gives how many there was no room for.
std::size_t report_retained(SyncResult &result, const Plan &plan)
{
    std::size_t others = 0;
    std::unordered_set<ResourceId> desired;
    for (const Step &step : plan.steps)
        if (step.resource &&
            (step.action == Action::Keep || step.action == Action::Adopt || step.action == Action::Add))
            desired.insert(*step.resource);
    for (const Step &step : plan.steps) {
        if (step.action != Action::Retain || step.reason != Reason::PolicyRetains)
            continue;
        ++result.counts.retained;
        if (result.diagnostics.size() >= max_diagnostics) {
            ++others;
            continue;
        }
        result.diagnostics.push_back(
            desired.contains(*step.resource)
                ? about(step, "surplus", "Another contact of this resource stays; the prune policy leaves this one.")
                : about(step, "not_desired", "Nobody desires this contact; the prune policy leaves it."));
    }
    return others;
}

/// Adds what the plan has to say to what is reported already, as far as there is room.
void report_plan(SyncResult &result, const Plan &plan)
{
    result.diagnostics.insert(result.diagnostics.end(), plan.diagnostics.begin(), plan.diagnostics.end());
    std::size_t others = plan.more_diagnostics + report_retained(result, plan);
    if (result.diagnostics.size() > max_diagnostics) {
        others += result.diagnostics.size() - max_diagnostics;
        result.diagnostics.resize(max_diagnostics);
    }
    if (others > 0)
        result.diagnostics.push_back({.action = "sync",
                                      .code = "more_diagnostics",
                                      .message = "These are the first " + std::to_string(max_diagnostics) +
                                                 " diagnostics; there are " + std::to_string(others) + " more."});
}

} // namespace

SyncResult report(const Picture &picture, Ledger &ledger, const Course &course)
{
    SyncResult result{.passes = course.passes, .http_requests = course.requests};
    count_members(result.counts, picture.plan(), ledger);
    report_operations(result, ledger);
    if (course.is_confirmed && !course.is_stopped)
        report_open_steps(result, picture, ledger);
    result.counts.failed += static_cast<int>(course.failures.size());
    result.diagnostics.insert(result.diagnostics.end(), course.failures.begin(), course.failures.end());
    report_plan(result, picture.plan());
    result.counts.removed = ledger.removed_members();
    result.counts.stale = ledger.stale();
    result.status = result.counts.failed == 0 ? Status::Ok : Status::Partial;
    result.message = sentence_of(result);
    result.operations = ledger.take_operations();
    return result;
}

void add_failure(SyncResult &result, Diagnostic failure)
{
    result.diagnostics.push_back(std::move(failure));
    ++result.counts.failed;
    result.status = Status::Partial;
    result.message = sentence_of(result);
}

SyncResult report_refusal(const Crew &crew, const Answer &answer, int requests)
{
    SyncResult result{.http_requests = requests};
    for (const Step &step : plan(crew, {}, {}, Prune::None).steps)
        result.counts.desired +=
            step.action == Action::Add || step.action == Action::Adopt || step.action == Action::Skip;
    result.status = answer.outcome == Outcome::RefusedForNow ? Status::Deferred : Status::Failed;
    result.counts.failed = 1;
    result.timed_out = answer.code == "timeout" || answer.outcome == Outcome::NotSent;
    result.retry_after = answer.retry_after;
    result.never_fits = answer.code == "never_fits";
    result.message =
        answer.code == "request_limit" || answer.code == "journal" || result.never_fits
            ? "Nothing was changed. " + answer.message
            : "The contacts of the crew call could not be listed, and nothing was changed. " + answer.message;
    if (answer.code == "rate_limited")
        result.message += answer.retry_after ? " Try again in " + seconds_of(*answer.retry_after) + "."
                                             : std::string(" Try again later.");
    result.diagnostics.push_back(
        {.action = answer.code == "journal" ? "sync" : "list", .code = answer.code, .message = answer.message});
    if (answer.http_status != 0)
        result.diagnostics.back().http_status = answer.http_status;
    return result;
}

SyncResult report_gone_call(int requests)
{
    const Diagnostic gone = gone_call();
    SyncResult result{.status = Status::Failed,
                      .http_requests = requests,
                      .message = "Nothing was changed. " + gone.message,
                      .diagnostics = {gone}};
    result.counts.failed = 1;
    return result;
}

SyncResult report_block(const Picture &picture, const Ledger &ledger, std::string why, int requests)
{
    SyncResult result{
        .status = Status::Blocked, .http_requests = requests, .message = "Nothing was changed. " + std::move(why)};
    count_members(result.counts, picture.plan(), ledger);
    report_plan(result, picture.plan());
    return result;
}

Diagnostic gone_call()
{
    return {.action = "sync",
            .code = "call_gone",
            .message = "The crew call was deleted, or got another flex_element_id, while it was synced."};
}

Diagnostic database_refusal(std::string_view action, const DatabaseError &error)
{
    return {.action = std::string(action),
            .code = error.sqlstate(),
            .message = "The database refused to go on: " + error.message()};
}

} // namespace core
