#pragma once
// Threads that serve connections: as many as are wanted at once, up to a limit.

#include <condition_variable>
#include <functional>
#include <httplib.h>
#include <list>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace flexsim {

/// A connection keeps its thread until it ends, idle or not. Threads are started when none is free, and
/// kept. With all `limit` busy a connection waits.
class GrowingPool : public httplib::TaskQueue {
public:
    /// Whether the connection was taken, or nothing: what the library wants depends on its version.
    using Enqueued = decltype(std::declval<httplib::TaskQueue &>().enqueue({}));

    explicit GrowingPool(std::size_t limit) : limit_(limit) {}

    Enqueued enqueue(std::function<void()> serve_connection) override;

    /// Waits for all connections to end.
    void shutdown() override;

private:
    void work();

    const std::size_t limit_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::list<std::function<void()>> waiting_;
    std::vector<std::thread> threads_;
    std::size_t idle_ = 0;
    bool is_shut_ = false;
};

} // namespace flexsim
