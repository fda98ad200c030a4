#pragma once
// What was asked of the simulated API, and what became of it.

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>

#include "call.hpp"

namespace flexsim {

/// Which entries a query of the log wants; empty members want all.
struct LogFilter {
    std::string kind, method, element, status;
    std::uint64_t since = 0; ///< Only ordinals greater than this one.
};

/// Thread-safe. Keeps the latest 100,000 entries; counts go on.
class RequestLog {
public:
    /// Notes a call that has arrived and returns its ordinal, counted from 1 over the whole run.
    std::uint64_t begin(const Call &call);

    /// Notes that the call now is "held" or "hung", until it ends.
    void set_status(std::uint64_t ordinal, const std::string &status);

    /// Notes how the call ends. It no longer counts as in flight.
    void end(std::uint64_t ordinal, const Answer &answer);

    /// Forgets entries and counts, not the ordinals.
    void clear();

    void write_entries(JsonWriter &writer, const LogFilter &filter) const;

    /// Writes the number of calls by kind, their total, and the greatest number at once, since clear().
    void write_counts(JsonWriter &writer) const;

private:
    struct Entry {
        Call call;
        std::string status = "pending";
        bool has_acted = false;
        std::chrono::system_clock::time_point started;
        std::chrono::steady_clock::time_point begun;
        double duration_ms = 0;
    };

    static void write_entry(JsonWriter &writer, std::uint64_t ordinal, const Entry &entry);
    Entry *find(std::uint64_t ordinal);

    mutable std::mutex mutex_;
    std::deque<Entry> entries_;
    std::uint64_t first_ = 1; ///< The ordinal of entries_[0].
    std::array<std::size_t, kind_count> counts_{};
    std::size_t in_flight_ = 0, max_in_flight_ = 0;
};

} // namespace flexsim
