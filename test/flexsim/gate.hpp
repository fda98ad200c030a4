#pragma once
// Where requests wait: for time to pass, for somebody to let them go, for their client to give up.

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <vector>

#include "call.hpp"

namespace flexsim {

/// A request that waits for its release.
struct Held {
    std::uint64_t ordinal = 0;
    Kind kind = Kind::Other;
    std::string element;
    bool is_hanging = false;
};

/// Thread-safe.
class Gate {
public:
    /// Lets time pass. False when abandon_all() came meanwhile: the request is then to be given up.
    bool pause(int ms);

    /// Waits for the release. False when abandon_all() came first, or `is_gone()` (asked every 20 ms, if
    /// given) said so.
    bool wait_for_release(const Held &who, const std::function<bool()> &is_gone);

    /// Releases one waiting request, or all. Returns how many.
    std::size_t release(std::optional<std::uint64_t> ordinal);

    /// The requests that wait for release, after waiting up to `timeout_ms` for `count` of them.
    std::vector<Held> held(int timeout_ms, std::size_t count);

    /// Makes every request that waits here give up.
    void abandon_all();

private:
    struct Waiter {
        Held who;
        bool is_released = false;
    };

    std::vector<Held> list_held() const;

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::list<Waiter> waiters_;
    std::uint64_t generation_ = 0; ///< Counts abandon_all().
};

} // namespace flexsim
