#pragma once
// HTTP requests in parallel, over connections that are kept, while somebody else hears the session's interrupts.

#include "flex/transfer.hpp"
#include "flex/waiter.hpp"

#include <deque>
#include <functional>
#include <optional>
#include <vector>

namespace flex {

class Http {
public:
    /// Told of each response, in the order in which they come; what it returns is sent next, under the same index.
    using OnResponse = std::function<std::optional<Request>(std::size_t index, const Response &response)>;

    /// Told of each request for which the deadline left no time.
    using OnUnsent = std::function<void(std::size_t index)>;

    Http(HttpOptions options, Waiter &waiter);

    /// Sends the requests, at most `max_parallel` at once, begun in their order. Each may take `request_timeout`, but
    /// none past the deadline. What the waiter or a callback throws ends all of them.
    void perform(std::vector<Request> requests, core::TimePoint deadline, const OnResponse &on_response,
                 const OnUnsent &on_unsent);

    /// Requests on the wire so far, those included that libcurl sent again by itself.
    int requests_sent() const { return requests_sent_; }

private:
    struct Waiting {
        std::size_t index;
        Request request;
    };
    struct Batch;

    void start_some(Batch &batch);
    void collect(Batch &batch);
    void wait(core::TimePoint deadline);

    HttpOptions options_;
    Waiter &waiter_;
    std::string token_; ///< the option's, or the one that Flex refreshed it with
    int requests_sent_ = 0;
};

} // namespace flex
