#include "pool.hpp"

#include "connection.hpp"

namespace flexsim {

GrowingPool::Enqueued GrowingPool::enqueue(std::function<void()> serve_connection)
{
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(serve_connection));
    if (waiting_.size() > idle_ && threads_.size() < limit_)
        threads_.emplace_back([this] { work(); });
    changed_.notify_one();
    return static_cast<Enqueued>(true);
}

void GrowingPool::shutdown()
{
    {
        const std::lock_guard lock(mutex_);
        is_shut_ = true;
        changed_.notify_all();
    }
    for (std::thread &thread : threads_)
        thread.join();
}

void GrowingPool::work()
{
    std::unique_lock lock(mutex_);
    while (true) {
        ++idle_;
        changed_.wait(lock, [this] { return !waiting_.empty() || is_shut_; });
        --idle_;
        if (waiting_.empty())
            return;

        const std::function<void()> serve_connection = std::move(waiting_.front());
        waiting_.pop_front();
        lock.unlock();
        begin_connection();
        serve_connection();
        lock.lock();
    }
}

} // namespace flexsim
