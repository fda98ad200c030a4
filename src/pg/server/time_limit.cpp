#include "pg/server/time_limit.hpp"

#include <algorithm>

#include "pg/server/wall.hpp"

namespace pg {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr milliseconds margin(500);

/// What a timeout of the server leaves from now on; a long time if it is not running.
milliseconds left_of(TimeoutId timeout)
{
    return call([&] {
        if (!get_timeout_active(timeout))
            return milliseconds::max();
        const TimestampTz end = get_timeout_finish_time(timeout);
        return milliseconds((end - GetCurrentTimestamp()) / 1000);
    });
}

} // namespace

std::optional<core::Milliseconds> time_left()
{
    milliseconds left = left_of(STATEMENT_TIMEOUT);
#if PG_VERSION_NUM >= 170000
    left = std::min(left, left_of(TRANSACTION_TIMEOUT));
#endif
    if (left == milliseconds::max())
        return std::nullopt;
    return left - std::min(margin, left / 4);
}

core::TimePoint time_limit(core::TimePoint begun, core::Milliseconds deadline)
{
    const std::optional<milliseconds> left = time_left();
    return left ? std::min(begun + deadline, steady_clock::now() + *left) : begun + deadline;
}

} // namespace pg
