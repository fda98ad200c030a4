#include "core/crew.hpp"

#include <algorithm>

namespace core {

bool KnownLine::may_be_added_again() const
{
    using std::chrono::hours;
    using std::chrono::minutes;
    const int accepted = line ? tries : tries - 1;
    if (accepted == 0)
        return true;
    const int doublings = std::clamp(accepted - 1, 0, 11);
    return age >= std::min<std::chrono::milliseconds>(minutes(1 << doublings), hours(24));
}

} // namespace core
