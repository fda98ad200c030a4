#pragma once
// Waiting for the network without a server's latch.

#include "flex/waiter.hpp"

#include <poll.h>
#include <set>
#include <stdexcept>

namespace unit {

class PollWaiter final : public flex::Waiter {
public:
    void wait(int descriptor, std::chrono::milliseconds at_most, flex::WaitFor what) override
    {
        pollfd it{.fd = descriptor, .events = POLLIN, .revents = 0};
        poll(&it, 1, static_cast<int>(at_most.count()));
        ++waits;
        waited_for.insert(what);
    }
    void check() override { ++checks; }

    int waits = 0;
    int checks = 0;
    std::set<flex::WaitFor> waited_for;
};

/// The session's cancel: thrown out of a wait once it is due.
struct Cancelled {};

class CancelledWaiter final : public flex::Waiter {
public:
    explicit CancelledWaiter(std::chrono::milliseconds after) : due_(std::chrono::steady_clock::now() + after) {}

    void wait(int descriptor, std::chrono::milliseconds, flex::WaitFor) override
    {
        if (std::chrono::steady_clock::now() >= due_)
            throw Cancelled{};
        pollfd it{.fd = descriptor, .events = POLLIN, .revents = 0};
        poll(&it, 1, 5);
    }
    void check() override
    {
        if (std::chrono::steady_clock::now() >= due_)
            throw Cancelled{};
    }

private:
    std::chrono::steady_clock::time_point due_;
};

} // namespace unit
