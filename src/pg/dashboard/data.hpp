#pragma once
// What the dashboard shows: the log as its owner reads it, the crew relations as the caller may read them.

#include "pg/crew/catalog.hpp"
#include "pg/server/own_tables.hpp"
#include "pg/server/statement.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pg {

/// What is wrong in the crew relations now. Numbers and a timestamp as text.
struct CrewCounts {
    std::string duplicates;
    std::optional<std::string> duplicates_since;
    std::string missing_crew;
};

/// Counts them as the caller. Throws where they cannot be read whole.
CrewCounts count_crew(Statements &statements, const std::string &crew_schema);

// All text below is UTF-8.

struct DashboardDay {
    std::int64_t syncs = 0;
    std::optional<double> failure_rate = {}; ///< none: nothing to judge
    std::optional<double> mean_ms = {};
    std::optional<double> p95_ms = {};
};

struct DashboardAlert {
    std::string name;
    double value = 0;
    std::string since;
    std::string hint;
};

struct DashboardHour {
    std::string begin; ///< "14:00"
    std::int64_t ok = 0;
    std::int64_t failed = 0; ///< `failed` and `partial`
    std::int64_t other = 0;  ///< `blocked`, `deferred`
    std::optional<double> median_ms = {};
    std::optional<double> p95_ms = {};
};

/// Requests in one of the server's windows.
struct DashboardSpending {
    const char *window;
    const char *option;
    std::int64_t spent = 0;
    std::int64_t limit = 0; ///< 0: none
};

struct DashboardCrew {
    std::string department;
    std::string call_id;
    std::int64_t syncs = 0;
    std::int64_t failed = 0;
    std::int64_t requests = 0;
    double mean_ms = 0;
};

struct DashboardRun {
    std::string started; ///< "14:03:22", with the day where it was not today
    std::string status;
    std::string department;
    std::string call_id;
    std::int64_t added = 0; ///< or adopted
    std::int64_t gone = 0;  ///< removed or pruned
    std::int64_t requests = 0;
    double duration_ms = 0;
    std::string message;
    std::string trouble; ///< the first diagnostic of a `partial` run
};

struct DashboardData {
    std::string server;
    std::string now;
    std::string time_zone;
    std::int64_t duplicates = 0;
    std::int64_t missing_crew = 0;
    DashboardDay day;
    std::vector<DashboardAlert> alerts;
    std::vector<DashboardHour> hours; ///< the last 24, the present one last
    std::vector<DashboardSpending> spending;
    std::vector<DashboardCrew> crews; ///< those that took most requests in the last 24 hours
    std::vector<DashboardRun> runs;   ///< the latest first
};

DashboardData read_dashboard(Statements &statements, const OwnTables &own);

} // namespace pg
