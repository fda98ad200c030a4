#pragma once
// The Flex simulator's control interface, as the benchmarks use it.

#include "crew.hpp"

#include <curl/curl.h>
#include <map>
#include <memory>
#include <string>

namespace bench {

class Simulator {
public:
    /// `root` is where it listens: "http://127.0.0.1:1234".
    explicit Simulator(std::string root);

    void set_latency(int ms);

    /// Deletions of many lines in one request are carried out; else they are refused.
    void allow_bulk_delete();

    void seed(const CrewCall &call, const People &people);
    void delete_lines(const CrewCall &call, const People &people);
    void clear_log();

    /// Requests by kind since the log was cleared.
    std::map<std::string, int> counts();

private:
    std::string send(const std::string &path, const std::string *body);

    std::string root_;
    std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> easy_;
};

} // namespace bench
