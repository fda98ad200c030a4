#include "flex/client.hpp"

#include "core/journal.hpp"
#include "flex/added_line.hpp"
#include "flex/json.hpp"
#include "flex/listing.hpp"
#include "flex/outcome.hpp"
#include "flex/url.hpp"

#include <algorithm>

namespace flex {

using core::Change;
using core::Outcome;
using std::chrono::milliseconds;

namespace {

constexpr const char *form_type = "application/x-www-form-urlencoded; charset=UTF-8";
constexpr const char *json_type = "application/json";

bool is_any(const Change &)
{
    return true;
}

bool is_deletion(const Change &change)
{
    return change.kind == Change::Kind::Delete;
}

/// The places of those changes in the list.
std::vector<std::size_t> places_of(const core::Changes &changes, const auto &is_one)
{
    std::vector<std::size_t> places;
    for (std::size_t place = 0; place < changes.list.size(); ++place)
        if (is_one(changes.list[place]))
            places.push_back(place);
    return places;
}

DecodedListing part_of_a_list()
{
    return {.lines = {}, .error = "it is only part of the list"};
}

/// The lines of an answer that is a whole list. Some count the nested rows too.
DecodedListing decode_whole(Response &response, Waiter &waiter)
{
    if (response.status != 200 || !response.headers.paging.empty())
        return part_of_a_list();
    DecodedListing decoded = decode_listing(std::move(response.body), [&waiter] { waiter.check(); });
    const bool is_whole =
        response.headers.total_count <= decoded.roots || response.headers.total_count == decoded.lines.size();
    return decoded.error || is_whole ? std::move(decoded) : part_of_a_list();
}

core::Listing listing_of(Response &response, Waiter &waiter)
{
    core::Listing listing{.answer = answer_of(response)};
    if (listing.answer.code == "not_found")
        listing.answer.message =
            "Flex answered HTTP status 404: it has no element with the flex_element_id of the crew call.";
    if (listing.answer.outcome != Outcome::Done)
        return listing;
    DecodedListing decoded = decode_whole(response, waiter);
    if (!decoded.error) {
        listing.lines = std::move(decoded.lines);
        return listing;
    }
    listing.answer.outcome = Outcome::Unknown;
    listing.answer.code = decoded.is_too_long ? "too_large" : "malformed";
    listing.answer.message = "Flex's answer is no listing: " + *decoded.error + ".";
    return listing;
}

/// The moment at which the request went out whose answer is just there.
core::TimePoint asked_at(const core::Answer &answer)
{
    return core::TimePoint::clock::now() - std::chrono::duration_cast<core::TimePoint::duration>(answer.duration);
}

} // namespace

Client::Client(std::string_view base_url, HttpOptions options, Waiter &waiter, core::RequestBudget *budget)
    : base_url_(without_trailing_slashes(base_url)), bulk_parameter_(options.bulk_delete), repeats_(options.retries),
      budget_(budget), waiter_(waiter), http_(std::move(options), waiter)
{
}

std::vector<core::Listing> Client::list(std::span<const core::ElementId> elements, core::TimePoint deadline,
                                        const std::function<void()> &meanwhile)
{
    std::vector<Request> requests;
    for (const core::ElementId &element : elements)
        requests.push_back(list_request(element));
    std::vector<core::Listing> listings(elements.size());
    std::vector<int> tries(elements.size(), 0);
    http_.perform(
        std::move(requests), deadline,
        [&](std::size_t index, Response &response) -> std::optional<Http::Next> {
            const int sends = listings[index].requests + response.sends;
            listings[index] = listing_of(response, waiter_);
            listings[index].requests = sends;
            listings[index].asked_at = asked_at(listings[index].answer);
            return again(list_request(elements[index]), listings[index].answer, Repeatability::Idempotent,
                         ++tries[index]);
        },
        [&](std::size_t index) {
            if (tries[index] > 0)
                repeats_.take_back();
            else
                listings[index].answer = unsent_answer();
        },
        meanwhile);
    return listings;
}

core::ChangeResults Client::carry_out(const core::ElementId &element, const core::Changes &changes)
{
    const int requests_before = requests_sent();
    std::vector<core::ChangeResult> results(changes.list.size());
    if (changes.deletes_in_bulk)
        carry_out_in_bulk(element, changes, results);
    else
        carry_out_singly(element, changes, places_of(changes, is_any), results);
    return {.list = std::move(results), .requests = requests_sent() - requests_before};
}

void Client::carry_out_singly(const core::ElementId &element, const core::Changes &changes, const Places &places,
                              std::vector<core::ChangeResult> &results)
{
    std::vector<Request> requests;
    for (const std::size_t place : places)
        requests.push_back(request_for(element, changes.list[place]));
    std::vector<int> tries(places.size(), 0);
    core::Recording *const recording = changes.recording;
    const auto is_permitted = [&](std::size_t index) {
        core::ChangeResult &result = results[places[index]];
        const core::Permit permit = recording ? recording->before(places[index], result) : core::Permit::Go;
        if (permit == core::Permit::Never)
            result.answer = unrecorded_answer();
        return permit;
    };
    http_.perform(
        std::move(requests), changes.deadline,
        [&](std::size_t index, const Response &response) {
            const std::size_t place = places[index];
            const Change &change = changes.list[place];
            core::ChangeResult &result = results[place];
            std::optional<Http::Next> next = take(element, change, changes.is_new, result, tries[index], response);
            const bool role_follows = next && result.line && !result.role_answer;
            if (recording)
                recording->after(place, result, response.sends, !next || role_follows);
            return next;
        },
        [&](std::size_t index) {
            core::ChangeResult &result = results[places[index]];
            // What was tried before keeps the answer that it got.
            if (tries[index] > 0)
                repeats_.take_back();
            // A line without an answer to its role: the add is done, and only its role found no time.
            else if (result.line)
                result.role_answer = unsent_answer();
            else if (result.answer.code.empty())
                result.answer = unsent_answer();
            if (recording)
                recording->after(places[index], result, 0, true);
        },
        {}, is_permitted);
}

/// The deletions in one request, then the others. Some tenants answer 2xx and delete nothing, so that only a listing
/// tells what was done.
void Client::carry_out_in_bulk(const core::ElementId &element, const core::Changes &changes,
                               std::vector<core::ChangeResult> &results)
{
    const Places deletions = places_of(changes, is_deletion);
    core::Answer answer = delete_in_bulk(changes, deletions);
    if (answer.outcome == Outcome::Refused) {
        std::optional<core::RequestBudget::Refusal> refusal =
            budget_ ? budget_->set_aside(static_cast<int>(deletions.size())) : std::nullopt;
        if (!refusal)
            return carry_out_singly(element, changes, places_of(changes, is_any), results);
        answer.code = "request_limit";
        answer.message = "Flex refused to delete several lines at once. " + std::move(refusal->why);
    }
    if (answer.outcome == Outcome::Done) {
        answer.outcome = Outcome::Unknown;
        answer.code = "bulk_delete";
        answer.message = "Flex accepted the deletion of several lines. No listing has confirmed it yet.";
    }
    for (const std::size_t place : deletions) {
        results[place].answer = answer;
        if (changes.recording)
            changes.recording->after(place, results[place], 0, true);
    }
    carry_out_singly(element, changes, places_of(changes, [](const Change &change) { return !is_deletion(change); }),
                     results);
}

core::Answer Client::delete_in_bulk(const core::Changes &changes, const Places &deletions)
{
    const Request bulk = bulk_delete_request(changes);
    core::Answer answer = unsent_answer();
    int tries = 0;
    if (changes.recording)
        changes.recording->before_bulk(deletions);
    http_.perform(
        {bulk}, changes.deadline,
        [&](std::size_t, const Response &response) {
            answer = answer_of(response);
            std::optional<Http::Next> next = again(bulk, answer, Repeatability::Idempotent, ++tries);
            if (changes.recording)
                changes.recording->after(deletions.front(), {.answer = answer}, response.sends, false);
            return next;
        },
        [&](std::size_t) {
            if (tries > 0)
                repeats_.take_back();
        });
    return answer;
}

/// Takes the response to a change. A role goes out as soon as its add is back.
std::optional<Http::Next> Client::take(const core::ElementId &element, const Change &change, const IsNew &is_new,
                                       core::ChangeResult &result, int &tries, const Response &response)
{
    ++tries;
    if (change.kind == Change::Kind::Add && result.line) {
        result.role_answer = answer_of(response);
        return again(role_request(element, *result.line, *change.role), *result.role_answer, Repeatability::Idempotent,
                     tries);
    }
    const bool is_add = change.kind == Change::Kind::Add;
    result.answer = answer_of(response, change.kind == Change::Kind::Delete);
    if (is_add && result.answer.outcome == Outcome::Done)
        return take_added_line(element, change, is_new, result, tries, response);
    return again(request_for(element, change), result.answer,
                 is_add ? Repeatability::OnlyUndone : Repeatability::Idempotent, tries);
}

std::optional<Http::Next> Client::take_added_line(const core::ElementId &element, const Change &change,
                                                  const IsNew &is_new, core::ChangeResult &result, int &tries,
                                                  const Response &response)
{
    result.line = decode_added_line(response.body);
    if (!result.line) {
        result.answer.outcome = Outcome::Unknown;
        result.answer.code = "no_line_id";
        result.answer.message = "Flex said that it added the contact, but did not name its line.";
        return std::nullopt;
    }
    if (!is_new(*result.line)) {
        result.answer.outcome = Outcome::Unknown;
        result.answer.code = "line_taken";
        result.answer.message =
            "Flex said that it added the contact as line \"" + result.line->text() + "\", which was there before.";
        result.line.reset();
        return std::nullopt;
    }
    if (!change.role)
        return std::nullopt;
    tries = 0;
    return Http::Next{.request = role_request(element, *result.line, *change.role)};
}

/// The same request once more, if it may be repeated. Where Flex has too many, everybody waits: the limit is the
/// tenant's.
std::optional<Http::Next> Client::again(Request request, const core::Answer &answer, Repeatability repeatability,
                                        int tries)
{
    const std::optional<milliseconds> pause = repeats_.pause(answer, repeatability, tries);
    if (!pause)
        return std::nullopt;
    if (budget_ && budget_->set_aside(1)) {
        repeats_.take_back();
        return std::nullopt;
    }
    return Http::Next{
        .request = std::move(request), .delay = *pause, .holds_others = answer.outcome == Outcome::RefusedForNow};
}

Request Client::request_for(const core::ElementId &element, const Change &change) const
{
    switch (change.kind) {
    case Change::Kind::Add:
        return add_request(element, *change.resource);
    case Change::Kind::SetRole:
        return role_request(element, *change.line, *change.role);
    case Change::Kind::Delete:
        break;
    }
    return delete_request(*change.line);
}

Request Client::list_request(const core::ElementId &element) const
{
    // A changing parameter keeps caches in between from answering with an old crew.
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
    return {.url = base_url_ + "/line-item/" + path_segment(element.text()) +
                   "/row-data/?codeList=contact&codeList=business-role&node=root&_dc=" + std::to_string(ms)};
}

Request Client::add_request(const core::ElementId &element, const core::ResourceId &resource) const
{
    return {.method = Request::Method::Post,
            .url = base_url_ + "/line-item/" + path_segment(element.text()) + "/add-resource/" +
                   path_segment(resource.text()),
            .body = "resourceParentId=&managedResourceLineItemType=contact&quantity=1&parentLineItemId=&nextSiblingId=",
            .content_type = form_type,
            .is_repeatable = false};
}

Request Client::role_request(const core::ElementId &element, const core::LineItemId &line,
                             const core::BusinessRoleId &role) const
{
    json::StringBuffer body;
    json::Writer<json::StringBuffer> writer(body);
    writer.StartObject();
    writer.Key("lineItemId");
    writer.String(line.text());
    writer.Key("fieldType");
    writer.String("business-role");
    writer.Key("payloadValue");
    writer.String(role.text());
    writer.EndObject();
    return {.method = Request::Method::Post,
            .url = base_url_ + "/line-item/" + path_segment(element.text()) + "/row-data/",
            .body = std::string(body.GetString(), body.GetSize()),
            .content_type = json_type};
}

Request Client::bulk_delete_request(const core::Changes &changes) const
{
    std::string body;
    for (const Change &change : changes.list)
        if (is_deletion(change))
            body.append(body.empty() ? "" : "&")
                .append(bulk_parameter_)
                .append("=")
                .append(path_segment(change.line->text()));
    return {.method = Request::Method::Delete,
            .url = base_url_ + "/line-item",
            .body = std::move(body),
            .content_type = form_type};
}

Request Client::delete_request(const core::LineItemId &line) const
{
    return {.method = Request::Method::Delete, .url = base_url_ + "/line-item/" + path_segment(line.text())};
}

} // namespace flex
