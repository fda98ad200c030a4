#pragma once
// A Flex simulator of one's own: its process and its control interface.

#include "text.hpp"

#include <curl/curl.h>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace chaos {

/// A line of Flex, whatever listings show.
struct Line {
    std::string id;
    std::optional<std::string> resource, type, role;
    bool is_hidden = false;

    bool is_contact() const { return type && lower(*type) == "contact"; }
    std::string text() const;

    friend bool operator==(const Line &, const Line &) = default;
};

/// A request as the simulator logged it.
struct Request {
    double began_ms, ended_ms;
    std::string kind, element, resource, token;
    std::vector<std::string> lines; ///< to be deleted
    std::string status;             ///< a number, or "dropped", "hung"
    bool has_acted;
};

class Simulator {
public:
    /// Starts it. `program` is the path of flexsim.
    explicit Simulator(const std::string &program);
    ~Simulator();
    Simulator(const Simulator &) = delete;
    Simulator &operator=(const Simulator &) = delete;

    /// The base URL of the API.
    std::string url() const { return root_ + "/f5/api"; }

    void reset();
    void accept_token(const std::string &token);
    void seed(const std::string &element, const std::string &rows, const std::string &shape);
    std::string add_row(const std::string &element, const std::string &row);

    /// False if there is no such line.
    bool delete_line(const std::string &id);
    bool set_line(const std::string &id, const std::string &members);

    void configure(const std::string &settings);
    void add_fault(const std::string &rule);
    void clear_faults();

    /// Lets all waiting requests go, and returns when none is under way.
    void settle();
    void release();

    /// The lines of an element, nested ones too.
    std::vector<Line> lines(const std::string &element);

    /// What was requested since the reset, oldest first.
    std::vector<Request> log();

private:
    rapidjson::Document send(const std::string &path, const std::string *body, bool may_fail = false);
    rapidjson::Document post(const std::string &path, const std::string &body);
    rapidjson::Document get(const std::string &path);

    int pid_ = -1;
    std::string root_;
    std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> easy_;
};

} // namespace chaos
