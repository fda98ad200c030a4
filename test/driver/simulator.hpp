#pragma once
// The control interface of a Flex simulator.

#include <curl/curl.h>
#include <map>
#include <memory>
#include <rapidjson/document.h>
#include <string>

namespace driver {

/// `flexsim --help` says what each of these does. Settings, rules, rows and shapes are JSON. What fails throws a
/// std::runtime_error.
class Simulator {
public:
    /// `root` is where it listens: "http://127.0.0.1:1234".
    explicit Simulator(std::string root);

    /// The base URL of the API.
    std::string url() const { return root_ + "/f5/api"; }

    void reset() { post("reset", "{}"); }
    void configure(const std::string &settings) { post("config", settings); }
    void add_fault(const std::string &rule) { post("faults", rule); }
    void clear_faults() { post("clear_faults", "{}"); }
    void release() { post("release", "{}"); }

    /// Accepts this token from now on, beside others.
    void accept_token(const std::string &token);

    void seed(const std::string &element, const std::string &rows, const std::string &shape = "{}");

    /// Returns the id of the line.
    std::string add_row(const std::string &element, const std::string &row);

    /// False if there is no such line.
    bool delete_line(const std::string &id);

    /// The same; takes the members to set as JSON without its braces.
    bool set_line(const std::string &id, const std::string &members);

    /// Lets all waiting requests go, and returns when none is under way.
    void settle();

    void clear_log() { post("clear_log", "{}"); }

    /// Requests by kind since the log was cleared.
    std::map<std::string, int> counts();

protected:
    rapidjson::Document get(const std::string &path) { return send("control/" + path, nullptr); }
    rapidjson::Document post(const std::string &path, const std::string &body)
    {
        return send("control/" + path, &body);
    }

private:
    rapidjson::Document send(const std::string &path, const std::string *body, bool may_fail = false);

    std::string root_;
    std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> easy_;
};

} // namespace driver
