#include "flex/repeat.hpp"

#include <algorithm>
#include <random>

namespace flex {

using core::Outcome;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds first_bound(100);
constexpr milliseconds largest_bound(10000);

bool may_get_better(const core::Answer &answer, Repeatability repeatability)
{
    if (answer.code == "tls" || answer.code == "redirect" || answer.code == "too_large")
        return false;
    if (answer.outcome == Outcome::RefusedForNow || answer.outcome == Outcome::NothingDone)
        return true;
    return answer.outcome == Outcome::Unknown && repeatability == Repeatability::Idempotent;
}

} // namespace

std::optional<milliseconds> Repeats::pause(const core::Answer &answer, Repeatability repeatability, int tries)
{
    if (tries > retries_ || !may_get_better(answer, repeatability))
        return std::nullopt;
    ++count_;
    if (answer.retry_after)
        return *answer.retry_after;
    const milliseconds bound = std::min(first_bound * (1 << std::min(tries - 1, 10)), largest_bound);
    // Seeded once, and only where something is repeated: a random device costs a file and a system call.
    static std::minstd_rand random(std::random_device{}());
    return milliseconds(std::uniform_int_distribution<long>(0, bound.count())(random));
}

} // namespace flex
