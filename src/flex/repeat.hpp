#pragma once
// Whether a request is sent again, and when.

#include "core/ports.hpp"

#include <chrono>
#include <optional>

namespace flex {

/// What may be repeated.
enum class Repeatability {
    Idempotent, ///< listing, role, deletion: also when the outcome is unknown
    OnlyUndone, ///< an add: only when it is known that nothing was done
};

/// Decides on repeats: exponential backoff with full jitter from 100 ms (each pause is drawn from 0 to a bound that
/// doubles), or `Retry-After` where Flex gave one.
class Repeats {
public:
    explicit Repeats(int retries) : retries_(retries) {}

    /// The pause before try number `tries` + 1; none if there is to be no other. What will not be better next time is
    /// not repeated: a refusal, a key that is not taken, a certificate, a redirect, an answer that is too large.
    std::optional<std::chrono::milliseconds> pause(const core::Answer &answer, Repeatability repeatability, int tries);

    /// One of those was not sent after all.
    void take_back() { --count_; }

    /// Repeats so far.
    int count() const { return count_; }

private:
    int retries_;
    int count_ = 0;
};

} // namespace flex
