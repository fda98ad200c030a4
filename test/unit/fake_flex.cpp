#include "fake_flex.hpp"

#include "core/journal.hpp"

#include <algorithm>
#include <utility>

namespace unit {

using core::Answer;
using core::Change;
using core::ChangeResult;
using core::Line;
using core::LineItemId;
using core::Outcome;
using core::TimePoint;

namespace {

Answer answer(Outcome outcome, int http_status, std::string code)
{
    return {.outcome = outcome, .http_status = http_status, .code = code, .message = "Flex: " + code + "."};
}

const Answer not_sent{.outcome = Outcome::NotSent, .code = "deadline", .message = "No time was left."};

Answer answer_to(Fate fate)
{
    switch (fate) {
    case Fate::Done:
    case Fate::NeverShown:
        return {.outcome = Outcome::Done, .http_status = 200};
    case Fate::Refused:
        return answer(Outcome::Refused, 403, "http_status");
    case Fate::RefusedForNow:
        return answer(Outcome::RefusedForNow, 429, "too_many_requests");
    case Fate::NothingDone:
        return answer(Outcome::NothingDone, 0, "unreachable");
    case Fate::LostBefore:
    case Fate::LostAfter:
    case Fate::ActsLate:
        break;
    }
    return answer(Outcome::Unknown, 0, "timeout");
}

} // namespace

std::vector<core::Listing> FakeFlex::list(std::span<const core::ElementId> elements, TimePoint deadline,
                                          const std::function<void()> &meanwhile)
{
    if (meanwhile)
        meanwhile();
    std::vector<core::Listing> listings;
    for (std::size_t i = 0; i < elements.size(); ++i) {
        Page next = Page::Whole;
        if (!pages.empty()) {
            next = pages.front();
            pages.pop_front();
        }
        listings.push_back(page(next, deadline));
    }
    return listings;
}

core::Listing FakeFlex::page(Page page, TimePoint deadline)
{
    if (clock_.now() + latency > deadline)
        return {.answer = not_sent};
    sent.push_back("list");
    if (const auto event = before_listing.find(static_cast<int>(std::count(sent.begin(), sent.end(), "list")));
        event != before_listing.end())
        event->second();
    act_late();
    const TimePoint began_at = clock_.now();
    core::Listing listing{
        .answer = answer_to(Fate::Done), .lines = visible_lines(), .requests = 1, .asked_at = began_at};
    listing.answer.duration = latency;
    clock_.pass(latency);
    switch (page) {
    case Page::Cut:
        return {.answer = answer(Outcome::Unknown, 200, "cut_short"), .requests = 1};
    case Page::Slow:
        return {.answer = answer(Outcome::Unknown, 0, "timeout"), .requests = 1};
    case Page::Refused:
        return {.answer = answer(Outcome::Refused, 401, "http_status"), .requests = 1};
    case Page::TooMany: {
        core::Listing refused{.answer = answer(Outcome::RefusedForNow, 429, "too_many_requests"), .requests = 1};
        refused.answer.retry_after = std::chrono::minutes(2);
        return refused;
    }
    case Page::Empty:
        listing.lines.clear();
        break;
    case Page::Half:
        listing.lines.erase(listing.lines.begin() + static_cast<std::ptrdiff_t>(listing.lines.size() / 2),
                            listing.lines.end());
        break;
    case Page::Tail:
        listing.lines.erase(listing.lines.begin(),
                            listing.lines.begin() + static_cast<std::ptrdiff_t>(listing.lines.size() / 2));
        break;
    case Page::Hole:
        listing.lines.erase(listing.lines.begin());
        break;
    case Page::Labels:
        for (Line &line : listing.lines)
            line.kind = core::LineKind::Other;
        break;
    case Page::Whole:
        break;
    }
    watch_.listed(listing.lines, began_at);
    return listing;
}

std::vector<Line> FakeFlex::visible_lines() const
{
    std::vector<Line> lines;
    for (const Contact &contact : contacts_) {
        const bool is_deleted = contact.deleted_at && *contact.deleted_at + deletion_lag <= clock_.now();
        if (contact.is_hidden || is_deleted || contact.shown_from > clock_.now())
            continue;
        lines.push_back(contact.line);
        if (contact.role_from > clock_.now())
            lines.back().role = contact.old_role;
        if (!shows_roles)
            lines.back().role.reset();
    }
    return lines;
}

core::ChangeResults FakeFlex::carry_out(const core::ElementId &, const core::Changes &changes)
{
    core::ChangeResults results;
    const std::size_t sent_before = sent.size();
    const Answer bulk = changes.deletes_in_bulk ? delete_in_bulk(changes) : Answer();
    bool is_late = false;
    for (std::size_t i = 0; i < changes.list.size(); ++i) {
        if (i % 6 == 0) {
            is_late = clock_.now() + latency > changes.deadline;
            clock_.pass(is_late ? core::Milliseconds(0) : latency);
            act_late();
        }
        if (changes.deletes_in_bulk && changes.list[i].kind == Change::Kind::Delete)
            results.list.push_back({.answer = bulk});
        else
            results.list.push_back(is_late ? ChangeResult{.answer = not_sent} : carry_out(i, changes));
    }
    results.requests = static_cast<int>(sent.size() - sent_before);
    if (const std::function<void()> act = std::exchange(after_changes, nullptr))
        act();
    return results;
}

/// Sends one change, if the journal lets it, and has it recorded.
ChangeResult FakeFlex::carry_out(std::size_t place, const core::Changes &changes)
{
    core::Recording *const recording = changes.recording;
    if (recording && recording->before(place, {}) != core::Permit::Go)
        return {.answer = answer(Outcome::NotSent, 0, "journal")};
    ChangeResult result = carry_out(changes.list[place], changes.is_new);
    if (!recording)
        return result;
    const ChangeResult of_change{.answer = result.answer, .line = result.line};
    recording->after(place, of_change, 1, true);
    if (result.role_answer) {
        recording->before(place, of_change);
        recording->after(place, result, 1, true);
    }
    return result;
}

/// Only a listing tells whether it was done.
Answer FakeFlex::delete_in_bulk(const core::Changes &changes)
{
    answer_of("delete many", [&] {
        for (const Change &change : changes.list)
            if (change.kind == Change::Kind::Delete)
                loses(change.line->text());
    });
    return answer(Outcome::Unknown, 200, "bulk_delete");
}

ChangeResult FakeFlex::carry_out(const Change &change, const std::function<bool(const LineItemId &)> &is_new)
{
    ChangeResult result;
    switch (change.kind) {
    case Change::Kind::Add:
        add(change, is_new, result);
        break;
    case Change::Kind::Delete:
        result.answer = answer_of("delete " + change.line->text(), [this, line = *change.line] { loses(line.text()); });
        break;
    case Change::Kind::SetRole: {
        const auto set_role = [this, line = *change.line, role = *change.role] {
            if (Contact *contact = find(line)) {
                contact->old_role = std::exchange(contact->line.role, role);
                contact->role_from = clock_.now() + role_lag;
            }
        };
        result.answer = answer_of("role " + change.line->text(), set_role);
        sent.back() += " " + change.role->text();
        break;
    }
    }
    return result;
}

void FakeFlex::add(const Change &change, const std::function<bool(const LineItemId &)> &is_new, ChangeResult &result)
{
    const core::ResourceId resource = *change.resource;
    const auto is_there = [this](const AddWatch::SentAdd &add) {
        return add.line ? find(*add.line) != nullptr : contacts_of(add.resource) > 0;
    };
    if (!watch_.is_justified(resource, sync, clock_.now(), is_there))
        unjustified_adds.push_back(resource.text() + " in sync " + std::to_string(sync));
    result.answer = answer_of("add " + resource.text(),
                              [this, resource] { make_contact(resource, last_fate_ == Fate::NeverShown); });
    if (result.answer.outcome == Outcome::Done) {
        const auto other = answers_with.find(resource.text());
        result.line = other == answers_with.end() ? contacts_.back().line.id : LineItemId(other->second);
        if (!is_new(*result.line)) {
            result.line.reset();
            result.answer = answer(Outcome::Unknown, 200, "line_taken");
        }
    }
    if (result.line || result.answer.outcome == Outcome::Unknown)
        watch_.sent({.resource = resource, .answered_at = clock_.now(), .sync = sync, .line = result.line});
    if (result.answer.outcome != Outcome::Done)
        return;
    if (change.role)
        result.role_answer =
            carry_out(Change{.kind = Change::Kind::SetRole, .line = result.line, .role = change.role}, is_new).answer;
}

Answer FakeFlex::answer_of(const std::string &request, const std::function<void()> &act)
{
    sent.push_back(request);
    last_fate_ = fate_of(request);
    if (last_fate_ == Fate::ActsLate)
        late_acts_.push_back({clock_.now() + late_by, [this, request, act] {
                                  last_fate_ = Fate::ActsLate;
                                  act();
                              }});
    else if (last_fate_ == Fate::Done || last_fate_ == Fate::NeverShown || last_fate_ == Fate::LostAfter)
        act();
    return answer_to(last_fate_);
}

Fate FakeFlex::fate_of(const std::string &request)
{
    std::deque<Fate> &queue = fates[request];
    if (queue.empty())
        return chance ? chance(request) : Fate::Done;
    const Fate fate = queue.front();
    queue.pop_front();
    return fate;
}

void FakeFlex::make_contact(const core::ResourceId &resource, bool is_hidden)
{
    const std::string line = "n" + std::to_string(++lines_made_);
    const core::ResourceId shown = shows_as.empty() ? resource : core::ResourceId(shows_as);
    contacts_.push_back({.line = {.id = LineItemId(line), .resource = shown},
                         .shown_from = clock_.now() + add_lag,
                         .is_hidden = is_hidden});
}

void FakeFlex::shows(const std::string &line, const std::string &resource, const std::string &role, core::LineKind kind)
{
    Line made{.id = LineItemId(line), .kind = kind};
    if (!resource.empty())
        made.resource = core::ResourceId(resource);
    if (!role.empty())
        made.role = core::BusinessRoleId(role);
    contacts_.push_back({.line = std::move(made)});
}

void FakeFlex::loses(const std::string &line)
{
    if (Contact *contact = find(LineItemId(line)))
        contact->deleted_at = clock_.now();
}

FakeFlex::Contact *FakeFlex::find(const LineItemId &line)
{
    const auto found = std::find_if(contacts_.begin(), contacts_.end(), [&](const Contact &contact) {
        return contact.line.id == line && !contact.deleted_at;
    });
    return found == contacts_.end() ? nullptr : &*found;
}

void FakeFlex::act_late()
{
    std::vector<LateAct> due;
    std::erase_if(late_acts_, [&](LateAct &late) {
        const bool is_due = late.due <= clock_.now();
        if (is_due)
            due.push_back(std::move(late));
        return is_due;
    });
    for (const LateAct &late : due)
        late.act();
}

std::vector<std::string> FakeFlex::contacts() const
{
    std::vector<std::string> words;
    for (const Contact &contact : contacts_) {
        if (!is_there(contact))
            continue;
        std::string text = contact.line.id.text();
        if (contact.line.resource)
            text += " " + contact.line.resource->text();
        if (contact.line.role)
            text += " " + contact.line.role->text();
        words.push_back(std::move(text));
    }
    return words;
}

bool FakeFlex::is_there(const Contact &contact) const
{
    return !contact.deleted_at && !contact.is_hidden && contact.line.kind != core::LineKind::Other;
}

std::optional<core::ResourceId> FakeFlex::resource_of(const LineItemId &line) const
{
    for (const Contact &contact : contacts_)
        if (is_there(contact) && contact.line.id == line)
            return contact.line.resource;
    return std::nullopt;
}

int FakeFlex::contacts_of(const core::ResourceId &resource) const
{
    return static_cast<int>(std::count_if(contacts_.begin(), contacts_.end(), [&](const Contact &contact) {
        return is_there(contact) && contact.line.resource == resource;
    }));
}

void FakeFlex::sets_role(const std::string &line, const std::string &role)
{
    if (Contact *contact = find(LineItemId(line)))
        contact->line.role = core::BusinessRoleId(role);
}

} // namespace unit
