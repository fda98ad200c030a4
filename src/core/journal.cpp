#include "core/journal.hpp"

#include <algorithm>
#include <utility>

namespace core {

Recording::Recording(Journal &journal, std::vector<JournalEntry> changes) : journal_(&journal), roles_(changes.size())
{
    for (JournalEntry &entry : changes) {
        const bool is_add = entry.action == Action::Add;
        changes_.push_back({.entry = std::move(entry), .nth_add = adds_.size()});
        if (is_add)
            adds_.push_back(changes_.size() - 1);
    }
}

Permit Recording::before(std::size_t change, const ChangeResult &so_far)
{
    Request &request = changes_[change];
    if (request.entry.action != Action::Add) {
        begin(request.entry, 1);
        return Permit::Go;
    }
    if (so_far.line) {
        JournalEntry &role = roles_[change].entry;
        if (role.ordinal == 0)
            role = {.action = Action::SetRole,
                    .technician = request.entry.technician,
                    .resource = request.entry.resource,
                    .line = so_far.line,
                    .role = request.entry.role};
        begin(role, 1);
        return Permit::Go;
    }
    const std::size_t slice = request.nth_add / journal_->slice();
    if (slice > intents_.size())
        return Permit::Wait; // it is not its turn
    intend(slice);
    const Permit permit = journal_->permit(intents_[slice]);
    if (permit == Permit::Go)
        intend(slice + 1);
    return permit;
}

void Recording::before_bulk(std::span<const std::size_t> changes)
{
    int requests = 1;
    for (const std::size_t change : changes)
        begin(changes_[change].entry, std::exchange(requests, 0));
}

void Recording::after(std::size_t change, const ChangeResult &result, int requests, bool is_over)
{
    Request &request = result.role_answer ? roles_[change] : changes_[change];
    JournalEntry &entry = request.entry;
    if (entry.ordinal == 0)
        return;
    const Answer &answer = result.role_answer ? *result.role_answer : result.answer;
    request.sends += requests;
    entry.requests = request.sends + !is_over;
    entry.http_status = answer.http_status;
    if (is_over)
        entry.outcome = answer.outcome;
    if (result.line)
        entry.line = result.line;
    journal_->record(entry);
}

void Recording::intend(std::size_t slice)
{
    if (slice < intents_.size() || slice * journal_->slice() >= adds_.size())
        return;
    const std::size_t end = std::min((slice + 1) * journal_->slice(), adds_.size());
    std::vector<JournalEntry> adds;
    for (std::size_t nth = slice * journal_->slice(); nth < end; ++nth) {
        JournalEntry &entry = changes_[adds_[nth]].entry;
        entry.ordinal = journal_->next_change();
        adds.push_back(entry);
    }
    intents_.push_back(journal_->intend(adds));
}

/// Records a request that goes out, unless it goes out again.
void Recording::begin(JournalEntry &entry, int requests)
{
    if (entry.ordinal != 0)
        return;
    entry.ordinal = journal_->next_change();
    entry.requests = requests;
    journal_->record(entry);
}

} // namespace core
