#pragma once
// How the flex room waits for the network: by somebody who also hears the session's interrupts.

#include <chrono>

namespace flex {

/// What is waited for: answers to reads only, the answer to some change, the moment for a repeat, or that what is about
/// to be sent is recorded.
enum class WaitFor { Listing, Change, Repeat, Journal };

class Waiter {
public:
    virtual ~Waiter() = default;

    /// Returns when `descriptor` is readable, when `at_most` has passed, or for no reason. What it throws passes
    /// through whatever waits, and ends the requests that are under way.
    virtual void wait(int descriptor, std::chrono::milliseconds at_most, WaitFor what) = 0;

    /// Hears the session's interrupts without waiting, for whoever works for long. Throws as `wait` does.
    virtual void check() = 0;
};

} // namespace flex
