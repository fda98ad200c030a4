#pragma once
// The floor: what any sync of a crew must at least do, and nothing beside. The same requests as flex_sync sends (URLs,
// headers, HTTP version, order, how many at once) with bare libcurl over kept connections, one read and one write over
// a kept connection to Postgres, in one transaction. It is told what to do: it neither plans, checks nor logs.

#include "crew.hpp"
#include "driver/session.hpp"

#include <curl/curl.h>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace bench {

class Floor {
public:
    /// `base_url` is that of the Flex API.
    Floor(driver::Session &database, std::string base_url, int max_parallel);
    ~Floor();

    /// Adds, with their roles, `added` and `dropped` of the scenario, deletes `removed`, and writes the rows.
    void sync(const CrewCall &call, const Scenario &scenario);

    /// The same for a crew in sync.
    void sync(const CrewCall &call);

    /// The same for all crews of the database, which are these and in sync.
    void sync_all(const std::vector<CrewCall> &calls);

    /// Only asks Flex.
    void list(const std::vector<CrewCall> &calls);

private:
    struct Request {
        int person = 0; ///< of an add, else 0
        std::string url;
        std::string body = {};
        curl_slist *headers = nullptr;
        const char *method = nullptr; ///< none: GET, or POST where there is a body
    };
    struct Lane {
        CURL *easy = nullptr;
        Request request = {};
        std::string answer = {};
    };
    using OnAnswer = std::function<std::optional<Request>(const Request &, const std::string &)>;

    std::string element_url(const CrewCall &call) const { return base_url_ + "/line-item/" + call.element(); }
    Request list_request(const CrewCall &call) const;
    Request bulk_request(const CrewCall &call, const People &people) const;
    std::deque<Request> requests_for(const CrewCall &call, const Scenario &scenario) const;
    void write_rows(const CrewCall &call, const Scenario &scenario, const std::vector<std::string> &lines);
    void perform(std::deque<Request> requests, const OnAnswer &on_answer);
    void start(Lane &lane, Request request);
    Lane *ended_lane();

    driver::Session &database_;
    std::string base_url_;
    CURLM *multi_;
    std::vector<std::unique_ptr<Lane>> lanes_;
    curl_slist *headers_ = nullptr;
    curl_slist *form_headers_ = nullptr;
    curl_slist *json_headers_ = nullptr;
};

} // namespace bench
