#include "gate.hpp"

#include <chrono>

namespace flexsim {

using std::chrono::milliseconds;

bool Gate::pause(int ms)
{
    if (ms <= 0)
        return true;
    std::unique_lock lock(mutex_);
    const std::uint64_t generation = generation_;
    return !changed_.wait_for(lock, milliseconds(ms), [&] { return generation_ != generation; });
}

bool Gate::wait_for_release(const Held &who, const std::function<bool()> &is_gone)
{
    std::unique_lock lock(mutex_);
    const std::uint64_t generation = generation_;
    const auto waiter = waiters_.insert(waiters_.end(), Waiter{who});
    changed_.notify_all();

    const auto is_over = [&] { return waiter->is_released || generation_ != generation; };
    while (!changed_.wait_for(lock, milliseconds(20), is_over))
        if (is_gone && is_gone())
            break;

    const bool is_released = waiter->is_released;
    waiters_.erase(waiter);
    return is_released;
}

std::size_t Gate::release(std::optional<std::uint64_t> ordinal)
{
    const std::lock_guard lock(mutex_);
    std::size_t released = 0;
    for (Waiter &waiter : waiters_) {
        if (waiter.is_released || (ordinal && waiter.who.ordinal != *ordinal))
            continue;
        waiter.is_released = true;
        ++released;
    }
    changed_.notify_all();
    return released;
}

std::vector<Held> Gate::held(int timeout_ms, std::size_t count)
{
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, milliseconds(timeout_ms), [&] { return list_held().size() >= count; });
    return list_held();
}

void Gate::abandon_all()
{
    const std::lock_guard lock(mutex_);
    ++generation_;
    changed_.notify_all();
}

std::vector<Held> Gate::list_held() const
{
    std::vector<Held> list;
    for (const Waiter &waiter : waiters_)
        if (!waiter.is_released)
            list.push_back(waiter.who);
    return list;
}

} // namespace flexsim
