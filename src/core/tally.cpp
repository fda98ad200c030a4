// The end of a sync: what is counted, reported and remembered.

#include "core/sync_run.hpp"

#include <algorithm>

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

std::string count_of(int count, std::string_view noun)
{
    return std::to_string(count).append(" ").append(noun).append(count == 1 ? "" : "s");
}

/// "20 technicians are on the crew call: 18 kept, 2 added; 1 removed."
std::string sentence_of(const SyncResult &result)
{
    const int present = result.kept + result.adopted + result.added;
    std::string text = count_of(present, "technician") + (present == 1 ? " is" : " are") + " on the crew call";
    std::string_view separator = ": ";
    const auto list = [&](int count, std::string_view what) {
        if (count == 0)
            return;
        text.append(separator).append(std::to_string(count)).append(" ").append(what);
        separator = ", ";
    };
    list(result.kept, "kept");
    list(result.adopted, "adopted");
    list(result.added, "added");
    separator = "; ";
    list(result.removed, "removed");
    list(result.pruned, "pruned");
    list(result.retained, "retained");
    list(result.stale, "stale");
    list(result.roles_set, result.roles_set == 1 ? "role set" : "roles set");
    list(result.skipped, "skipped for want of a usable resource");
    if (result.status == Status::Partial)
        text += result.failed == 1
                    ? "; 1 operation did not succeed, see diagnostics"
                    : "; " + std::to_string(result.failed) + " operations did not succeed, see diagnostics";
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

} // namespace

SyncResult SyncRun::finish()
{
    SyncResult result;
    count_members(result);
    report_open_steps(result, report_operations(result));
    result.failed += static_cast<int>(failures_.size());
    result.diagnostics.insert(result.diagnostics.end(), failures_.begin(), failures_.end());
    report_plan(result);
    result.removed = count_removed();
    result.stale = stale_;
    result.passes = passes_;
    result.http_requests = requests_sent();
    result.status = result.failed == 0 ? Status::Ok : Status::Partial;
    conclude(result);
    result.message = sentence_of(result);
    result.operations = std::move(operations_);
    return result;
}

/// Remembers what was done; what cannot be remembered is something that did not succeed.
void SyncRun::conclude(SyncResult &result)
{
    try {
        remember(result.status == Status::Ok);
    } catch (const DatabaseError &error) {
        failures_.clear();
        note_database_error(error, "remember");
        result.diagnostics.push_back(std::move(failures_.front()));
        ++result.failed;
        result.status = Status::Partial;
    }
}

/// The four kinds of desired technician, as the last plan found them, each by how it came to be there.
void SyncRun::count_members(SyncResult &result) const
{
    for (const Step &step : plan_.steps) {
        switch (step.action) {
        case Action::Keep: {
            const Origin origin = origin_of(step);
            result.kept += origin == Origin::Kept;
            result.adopted += origin == Origin::Adopted;
            result.added += origin == Origin::Added;
            break;
        }
        case Action::Skip:
            ++result.skipped;
            break;
        case Action::Add:
        case Action::Adopt:
            break;
        default:
            continue;
        }
        ++result.desired;
    }
}

/// Adds what the plan has to say to what is reported already, as far as there is room.
void SyncRun::report_plan(SyncResult &result) const
{
    result.diagnostics.insert(result.diagnostics.end(), plan_.diagnostics.begin(), plan_.diagnostics.end());
    std::size_t others = plan_.more_diagnostics + report_retained(result);
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

/// Contacts that the policy leaves are no failure, but somebody should look at them: a person may be called for
/// nothing. Gives how many there was no room for.
std::size_t SyncRun::report_retained(SyncResult &result) const
{
    std::size_t others = 0;
    std::unordered_set<ResourceId> desired;
    for (const Step &step : plan_.steps)
        if (step.resource &&
            (step.action == Action::Keep || step.action == Action::Adopt || step.action == Action::Add))
            desired.insert(*step.resource);
    for (const Step &step : plan_.steps) {
        if (step.action != Action::Retain || step.reason != Reason::PolicyRetains)
            continue;
        ++result.retained;
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

SyncRun::Origin SyncRun::origin_of(const Step &step) const
{
    if (origins_.empty())
        return Origin::Kept;
    const auto origin = origins_.find(member_key(*step.call, *step.technician));
    return origin == origins_.end() ? Origin::Kept : origin->second;
}

/// Technicians whose rows named a contact that was removed.
int SyncRun::count_removed() const
{
    std::size_t removed = 0;
    for (const auto &[line, rows] : removal_rows_)
        removed += removals_.contains(line) ? rows.size() : 0;
    return static_cast<int>(removed);
}

int SyncRun::requests_sent() const
{
    return flex_.requests_sent() - requests_before_;
}

/// Counts what was done and reports what was not. Gives the targets of what was not.
std::unordered_set<std::string> SyncRun::report_operations(SyncResult &result) const
{
    std::unordered_set<std::string> reported;
    const std::unordered_map<std::string, std::size_t> last = last_operations();
    for (std::size_t i = 0; i < operations_.size(); ++i) {
        const Operation &operation = operations_[i];
        const Answer &answer = operation.answer;
        if (answer.outcome == Outcome::Done) {
            result.pruned += operation.action == Action::Prune;
            result.roles_set += operation.action == Action::SetRole;
            continue;
        }
        std::string target = target_of(operation);
        if (last.at(target) != i || (operation.line && deleted_.contains(*operation.line)))
            continue;
        reported.insert(std::move(target));
        ++result.failed;
        if (operation.action == Action::Add && answer.outcome == Outcome::Unknown)
            result.diagnostics.push_back(
                about(operation, "unknown", "It is not known whether the contact was added. " + answer.message));
        else
            result.diagnostics.push_back(about(operation, answer.code, answer.message));
        if (answer.http_status != 0)
            result.diagnostics.back().http_status = answer.http_status;
    }
    return reported;
}

/// True if the step stayed undone because of something that is reported for itself.
bool SyncRun::is_explained(const Step &step, const std::unordered_set<std::string> &reported) const
{
    if (step.action == Action::Forget && has_closed_forget(step))
        return true;
    if (has_closed_row(step) ||
        (!reported.empty() && reported.contains(target_of(step.action, step.resource, step.line))))
        return true;
    switch (step.action) {
    case Action::Remove:
        return closed_lines_.contains(*step.line);
    case Action::SetRole:
    case Action::Adopt:
        return !step.line; // follows from an add
    default:
        return false;
    }
}

/// What a whole listing shows to be undone although nothing failed: changes that Flex accepted and does not show, adds
/// that an earlier sync lost, and changes by others that came too fast.
void SyncRun::report_open_steps(SyncResult &result, const std::unordered_set<std::string> &reported) const
{
    if (!is_confirmed_ || is_stopped_)
        return;
    const auto report = [&result](const Step &step, std::string code, std::string message) {
        result.diagnostics.push_back(about(step, std::move(code), std::move(message)));
        ++result.failed;
    };
    for (const Step &step : plan_.steps) {
        if (is_explained(step, reported))
            continue;
        if (step.action == Action::SetRole && is_lag(step))
            report(step, "not_shown", "Flex accepted the business role, but does not show it.");
        else if (step.reason == Reason::NotShownYet)
            report(step, "not_shown", "Flex accepted the contact, but no listing has shown it yet.");
        else if (step.action == Action::Add && lost_.contains(*step.resource))
            report(step, "unknown",
                   "The answer to an earlier add was lost, and no listing has told yet whether it was done.");
        else if (is_change(step))
            report(step, "changed_meanwhile", "The crew changed while it was synced; the next sync goes on.");
    }
    if (deleted_but_shown_ > 0) {
        result.failed += static_cast<int>(deleted_but_shown_);
        result.diagnostics.push_back({.action = "remove",
                                      .code = "still_shown",
                                      .message = "Flex accepted the deletion of " +
                                                 count_of(static_cast<int>(deleted_but_shown_), "contact") +
                                                 ", but still shows it."});
    }
}

SyncResult SyncRun::refuse(const Answer &answer) const
{
    SyncResult result;
    for (const Step &step : plan(crew_, {}, {}, Prune::None).steps)
        result.desired += step.action == Action::Add || step.action == Action::Adopt || step.action == Action::Skip;
    result.status = answer.outcome == Outcome::RefusedForNow ? Status::Deferred : Status::Failed;
    result.failed = 1;
    result.http_requests = requests_sent();
    result.timed_out = answer.code == "timeout" || answer.outcome == Outcome::NotSent;
    result.retry_after = answer.retry_after;
    result.never_fits = answer.code == "never_fits";
    result.message =
        answer.code == "request_limit" || result.never_fits
            ? "Nothing was changed. " + answer.message
            : "The contacts of the crew call could not be listed, and nothing was changed. " + answer.message;
    if (answer.code == "rate_limited")
        result.message += answer.retry_after ? " Try again in " + seconds_of(*answer.retry_after) + "."
                                             : std::string(" Try again later.");
    result.diagnostics.push_back({.action = "list", .code = answer.code, .message = answer.message});
    if (answer.http_status != 0)
        result.diagnostics.back().http_status = answer.http_status;
    return result;
}

SyncResult SyncRun::block(std::string why) const
{
    SyncResult result;
    count_members(result);
    result.status = Status::Blocked;
    result.http_requests = requests_sent();
    result.message = "Nothing was changed. " + std::move(why);
    report_plan(result);
    return result;
}

/// Writes what was learned of the lines, as far as it differs from what was known.
void SyncRun::remember(bool is_ok)
{
    for (const Line &line : lines_)
        known_.listed(line);
    if (is_confirmed_)
        for (const Step &step : plan_.steps)
            if (step.action == Action::Keep && step.resource && step.listed)
                known_.mapped(*step.listed, *step.resource);
    // One that no listing has shown would be taken for one that is still coming.
    const bool is_gone = is_confirmed_ && deleted_but_shown_ == 0;
    for (const LineItemId &line : deleted_)
        if (is_gone || known_.is_unshown(line))
            known_.deleted(line);
    if (is_ok) {
        for (const Assignment &row : crew_.rows)
            if (row.line)
                known_.alive(*row.line);
        known_.tidy();
    }
    const KnownLines::Difference difference = known_.difference();
    if (!difference.known.empty() || !difference.forgotten.empty())
        store_.remember(difference.known, difference.forgotten);
}

} // namespace core
