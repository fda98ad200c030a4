#include "floor.hpp"

#include <chrono>
#include <stdexcept>

namespace bench {

namespace {

constexpr const char *add_body =
    "resourceParentId=&managedResourceLineItemType=contact&quantity=1&parentLineItemId=&nextSiblingId=";

std::size_t append(char *data, std::size_t size, std::size_t count, void *body)
{
    static_cast<std::string *>(body)->append(data, size * count);
    return size * count;
}

curl_slist *make_headers(const char *content_type)
{
    curl_slist *headers = curl_slist_append(nullptr, (std::string("X-Auth-Token: ") + token).c_str());
    for (const char *line : {"X-Requested-With: XMLHttpRequest", "Accept: */*", "Expect:"})
        headers = curl_slist_append(headers, line);
    return content_type ? curl_slist_append(headers, content_type) : headers;
}

/// The id of the line that an add made, as the simulator answers it.
std::string added_line(const std::string &answer)
{
    const std::size_t place = answer.find("\"addedResourceLineIds\"");
    const std::size_t begin = answer.find('"', answer.find('[', place)) + 1;
    if (place == std::string::npos || begin == 0)
        throw std::runtime_error("no line id in the answer to an add: " + answer);
    return answer.substr(begin, answer.find('"', begin) - begin);
}

/// Appends to the text of an array of Postgres.
void append_to(std::string &array, const std::string &value)
{
    array += (array.empty() ? "{" : ",") + value;
}

} // namespace

Floor::Floor(driver::Session &database, std::string base_url, int max_parallel)
    : database_(database), base_url_(std::move(base_url)), multi_(curl_multi_init()), headers_(make_headers(nullptr)),
      form_headers_(make_headers("Content-Type: application/x-www-form-urlencoded; charset=UTF-8")),
      json_headers_(make_headers("Content-Type: application/json"))
{
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(max_parallel));
    for (int i = 0; i < max_parallel; ++i) {
        Lane &lane = *lanes_.emplace_back(std::make_unique<Lane>(Lane{.easy = curl_easy_init()}));
        curl_easy_setopt(lane.easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
        curl_easy_setopt(lane.easy, CURLOPT_ACCEPT_ENCODING, "gzip");
        curl_easy_setopt(lane.easy, CURLOPT_PROXY, "");
        curl_easy_setopt(lane.easy, CURLOPT_WRITEFUNCTION, append);
        curl_easy_setopt(lane.easy, CURLOPT_WRITEDATA, &lane.answer);
        curl_easy_setopt(lane.easy, CURLOPT_PRIVATE, &lane);
    }
    database_.prepare("read", R"(
        SELECT technician_id, flex_resource_id, business_role_id FROM flex_desired_crew WHERE crew_call_id = $1
        UNION ALL
        SELECT technician_id, flex_line_item_id, NULL FROM flex_crew_assignments WHERE crew_call_id = $1)");
    database_.prepare("read all", R"(
        SELECT crew_call_id, technician_id, flex_resource_id, business_role_id FROM flex_desired_crew
        UNION ALL
        SELECT crew_call_id, technician_id, flex_line_item_id, NULL FROM flex_crew_assignments)");
    database_.prepare("upsert", R"(
        INSERT INTO flex_crew_assignments (crew_call_id, technician_id, flex_line_item_id)
        SELECT $1, technician, line FROM unnest($2::uuid[], $3::text[]) AS _ (technician, line)
        ON CONFLICT (crew_call_id, technician_id) DO UPDATE SET flex_line_item_id = excluded.flex_line_item_id)");
    database_.prepare("delete", R"(
        DELETE FROM flex_crew_assignments WHERE crew_call_id = $1 AND technician_id = ANY ($2::uuid[]))");
}

Floor::~Floor()
{
    for (const auto &lane : lanes_)
        curl_easy_cleanup(lane->easy);
    curl_multi_cleanup(multi_);
    for (curl_slist *headers : {headers_, form_headers_, json_headers_})
        curl_slist_free_all(headers);
}

void Floor::sync(const CrewCall &call)
{
    database_.run("BEGIN");
    database_.run_prepared("read", {call.id()});
    list({call});
    database_.run("COMMIT");
}

void Floor::sync(const CrewCall &call, const Scenario &scenario)
{
    std::deque<Request> requests = requests_for(call, scenario);
    if (requests.empty())
        return sync(call);
    std::vector<std::string> lines(static_cast<std::size_t>(scenario.present.last + scenario.added.last + 1));
    database_.run("BEGIN");
    database_.run_prepared("read", {call.id()});
    list({call});
    if (scenario.dropped.size() > 0)
        list({call}); // people who are still desired seem gone, which is asked once more
    perform(std::move(requests), [&](const Request &request, const std::string &answer) -> std::optional<Request> {
        if (request.person == 0)
            return std::nullopt;
        std::string &line = lines[static_cast<std::size_t>(request.person)];
        line = added_line(answer);
        return Request{.url = element_url(call) + "/row-data/",
                       .body = R"({"lineItemId":")" + line + R"(","fieldType":"business-role","payloadValue":")" +
                               business_role + R"("})",
                       .headers = json_headers_};
    });
    list({call});
    write_rows(call, scenario, lines);
    database_.run("COMMIT");
}

void Floor::sync_all(const std::vector<CrewCall> &calls)
{
    database_.run("BEGIN");
    database_.run_prepared("read all");
    list(calls);
    database_.run("COMMIT");
}

Floor::Request Floor::list_request(const CrewCall &call) const
{
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
    return {.url = element_url(call) +
                   "/row-data/?codeList=contact&codeList=business-role&node=root&_dc=" + std::to_string(ms),
            .headers = headers_};
}

Floor::Request Floor::bulk_request(const CrewCall &call, const People &people) const
{
    std::string body;
    for (int n = people.first; n <= people.last; ++n)
        body += (body.empty() ? "lineItemIds=" : "&lineItemIds=") + call.line(n);
    return {.url = base_url_ + "/line-item", .body = body, .headers = form_headers_, .method = "DELETE"};
}

std::deque<Floor::Request> Floor::requests_for(const CrewCall &call, const Scenario &scenario) const
{
    std::deque<Request> requests;
    if (scenario.is_bulk)
        requests.push_back(bulk_request(call, scenario.removed));
    for (int n = scenario.removed.first; n <= scenario.removed.last && !scenario.is_bulk; ++n)
        requests.push_back({.url = base_url_ + "/line-item/" + call.line(n), .headers = headers_, .method = "DELETE"});
    for (const People &people : {scenario.dropped, scenario.added})
        for (int n = people.first; n <= people.last; ++n)
            requests.push_back({.person = n,
                                .url = element_url(call) + "/add-resource/" + call.resource(n),
                                .body = add_body,
                                .headers = form_headers_});
    return requests;
}

void Floor::list(const std::vector<CrewCall> &calls)
{
    std::deque<Request> requests;
    for (const CrewCall &call : calls)
        requests.push_back(list_request(call));
    perform(std::move(requests), [](const Request &, const std::string &) { return std::nullopt; });
}

void Floor::write_rows(const CrewCall &call, const Scenario &scenario, const std::vector<std::string> &lines)
{
    std::string gone, technicians, line_ids;
    for (int n = scenario.removed.first; n <= scenario.removed.last; ++n)
        append_to(gone, call.technician(n));
    for (int n = 1; n < static_cast<int>(lines.size()); ++n)
        if (const std::string &line = lines[static_cast<std::size_t>(n)]; !line.empty()) {
            append_to(technicians, call.technician(n));
            append_to(line_ids, line);
        }
    if (!gone.empty())
        database_.run_prepared("delete", {call.id(), gone + "}"});
    if (!technicians.empty())
        database_.run_prepared("upsert", {call.id(), technicians + "}", line_ids + "}"});
}

/// What follows on an answer goes out before what waits, as flex_sync does it.
void Floor::perform(std::deque<Request> requests, const OnAnswer &on_answer)
{
    std::size_t running = 0;
    const auto start_next = [&](Lane &lane) {
        if (requests.empty())
            return;
        start(lane, std::move(requests.front()));
        requests.pop_front();
        ++running;
    };
    for (const auto &lane : lanes_)
        start_next(*lane);
    while (running > 0) {
        int unused = 0;
        curl_multi_perform(multi_, &unused);
        while (Lane *lane = ended_lane()) {
            --running;
            if (std::optional<Request> next = on_answer(lane->request, lane->answer))
                requests.push_front(std::move(*next));
            start_next(*lane);
        }
        if (running > 0)
            curl_multi_poll(multi_, nullptr, 0, 1000, nullptr);
    }
}

void Floor::start(Lane &lane, Request request)
{
    lane.request = std::move(request);
    lane.answer.clear();
    curl_easy_setopt(lane.easy, CURLOPT_URL, lane.request.url.c_str());
    curl_easy_setopt(lane.easy, CURLOPT_HTTPHEADER, lane.request.headers);
    curl_easy_setopt(lane.easy, CURLOPT_HTTPGET, 1L);
    if (!lane.request.body.empty()) {
        curl_easy_setopt(lane.easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(lane.request.body.size()));
        curl_easy_setopt(lane.easy, CURLOPT_POSTFIELDS, lane.request.body.c_str());
    }
    curl_easy_setopt(lane.easy, CURLOPT_CUSTOMREQUEST, lane.request.method);
    curl_multi_add_handle(multi_, lane.easy);
}

/// A lane whose request was answered with 2xx, free for the next; null if there is none.
Floor::Lane *Floor::ended_lane()
{
    int left = 0;
    const CURLMsg *const message = curl_multi_info_read(multi_, &left);
    if (!message)
        return nullptr;
    CURL *const easy = message->easy_handle;
    const CURLcode result = message->data.result;
    Lane *lane = nullptr;
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &lane);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_multi_remove_handle(multi_, easy);
    if (result != CURLE_OK || status / 100 != 2)
        throw std::runtime_error(lane->request.url + ": status " + std::to_string(status) + ", " +
                                 curl_easy_strerror(result));
    return lane;
}

} // namespace bench
