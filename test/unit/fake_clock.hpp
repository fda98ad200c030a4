#pragma once
// A clock that stands still but for waits and requests.

#include "core/ports.hpp"

namespace unit {

class FakeClock : public core::Clock {
public:
    core::TimePoint now() const override { return now_; }

    void wait(core::Milliseconds duration) override
    {
        waited += duration;
        pass(duration);
    }

    void check() override { ++checks; }

    void pass(core::Milliseconds duration) { now_ += duration; }

    core::Milliseconds waited{0}; ///< by syncs, all in all
    int checks = 0;

private:
    core::TimePoint now_{std::chrono::hours(100)};
};

} // namespace unit
