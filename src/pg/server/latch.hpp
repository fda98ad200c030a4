#pragma once
// Waiting as a backend must: on its latch too, so that a cancel, a timeout or the postmaster's death is noticed at
// once.

#include "core/ports.hpp"
#include "flex/waiter.hpp"

namespace pg {

/// Waits for curl's descriptor. Raises the server's own error when the session is cancelled or timed out.
class LatchWaiter final : public flex::Waiter {
public:
    void wait(int descriptor, std::chrono::milliseconds at_most, flex::WaitFor what) override;
    void check() override;
};

/// The steady clock, whose waits are interruptible.
class LatchClock final : public core::Clock {
public:
    core::TimePoint now() const override { return std::chrono::steady_clock::now(); }
    void wait(core::Milliseconds duration) override;
    void check() override;
};

} // namespace pg
