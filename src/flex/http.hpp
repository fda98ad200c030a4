#pragma once
// HTTP requests in parallel, over connections that are kept, while somebody else hears the session's interrupts.

#include "core/journal.hpp"
#include "flex/transfer.hpp"
#include "flex/waiter.hpp"

#include <array>
#include <deque>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

namespace flex {

class Http {
public:
    /// What follows on a response: a request under the same index.
    struct Next {
        Request request;
        std::chrono::milliseconds delay{0}; ///< not before this has passed
        bool holds_others = false;          ///< nothing else is begun before then either
    };

    /// Told of each response, in the order in which they come. It may take the body.
    using OnResponse = std::function<std::optional<Next>(std::size_t index, Response &response)>;

    /// Told of each request for which the deadline left no time.
    using OnUnsent = std::function<void(std::size_t index)>;

    /// Called once, when the first requests are under way. It performs none itself.
    using Meanwhile = std::function<void()>;

    /// Asked before each request is begun, and again after each wait while it says `Wait`. One that may never be sent
    /// counts as unsent.
    using IsPermitted = std::function<core::Permit(std::size_t index)>;

    Http(HttpOptions options, Waiter &waiter);

    /// Sends the requests, at most `max_parallel` at once, begun in their order. Each may take `request_timeout`, but
    /// none past the deadline. What the waiter or a callback throws ends all of them.
    void perform(std::vector<Request> requests, core::TimePoint deadline, const OnResponse &on_response,
                 const OnUnsent &on_unsent, const Meanwhile &meanwhile = {}, const IsPermitted &is_permitted = {});

    /// Requests on the wire so far, those included that libcurl sent again by itself.
    int requests_sent() const { return requests_sent_; }

private:
    struct Waiting {
        std::size_t index;
        Request request;
        core::TimePoint not_before = {};
    };
    struct Batch;

    void start_some(Batch &batch);
    std::string load_authorities(const std::vector<Request> &requests);
    bool has_time(const Batch &batch, const Request &request) const;
    void collect(Batch &batch);
    void note_connection(const std::string &url, const Response &response);
    void wait(const Batch &batch);

    HttpOptions options_;
    Waiter &waiter_;
    std::string token_; ///< the option's, or the one that Flex refreshed it with
    int requests_sent_ = 0;
    std::unordered_map<int, core::TimePoint> last_answers_; ///< by our port of the connection
    std::array<std::chrono::milliseconds, 3> slowest_{};    ///< by method: the longest that a request took so far
};

} // namespace flex
