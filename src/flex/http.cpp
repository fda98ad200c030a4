#include "flex/http.hpp"

#include <algorithm>

namespace flex {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

/// A request is not begun when less than this is left: it could not end in time.
constexpr milliseconds least_time_for_a_request(10);

} // namespace

/// The requests of one perform(): those that wait, and those that are under way. They leave the pool with it.
struct Http::Batch {
    std::deque<Waiting> waiting;
    std::vector<std::unique_ptr<Transfer>> under_way;
    core::TimePoint deadline;
    const OnResponse &on_response;
    const OnUnsent &on_unsent;
};

Http::Http(HttpOptions options, Waiter &waiter) : options_(std::move(options)), waiter_(waiter), token_(options_.token)
{
}

void Http::perform(std::vector<Request> requests, core::TimePoint deadline, const OnResponse &on_response,
                   const OnUnsent &on_unsent)
{
    Batch batch{
        .waiting = {}, .under_way = {}, .deadline = deadline, .on_response = on_response, .on_unsent = on_unsent};
    for (std::size_t index = 0; index < requests.size(); ++index)
        batch.waiting.push_back({index, std::move(requests[index])});

    start_some(batch);
    while (!batch.under_way.empty()) {
        Pool::instance().turn();
        collect(batch);
        start_some(batch);
        if (!batch.under_way.empty())
            wait(deadline);
    }
}

void Http::start_some(Batch &batch)
{
    while (!batch.waiting.empty() && batch.under_way.size() < static_cast<std::size_t>(options_.max_parallel)) {
        Waiting next = std::move(batch.waiting.front());
        batch.waiting.pop_front();
        const auto left = std::chrono::floor<milliseconds>(batch.deadline - steady_clock::now());
        if (left < least_time_for_a_request) {
            batch.on_unsent(next.index);
            continue;
        }
        batch.under_way.push_back(std::make_unique<Transfer>(next.index, std::move(next.request), options_, token_,
                                                             std::min(options_.request_timeout, left)));
        batch.under_way.back()->start();
    }
}

/// Takes the transfers that have ended. What follows on one of them is begun before those that wait.
void Http::collect(Batch &batch)
{
    int left = 0;
    while (const CURLMsg *message = curl_multi_info_read(Pool::instance().multi(), &left)) {
        const CURLcode result = message->data.result;
        const auto ended = std::find_if(batch.under_way.begin(), batch.under_way.end(),
                                        [&](const auto &transfer) { return transfer->easy() == message->easy_handle; });
        if (message->msg != CURLMSG_DONE || ended == batch.under_way.end())
            continue;
        const std::unique_ptr<Transfer> transfer = std::move(*ended);
        batch.under_way.erase(ended);
        const Response response = transfer->finish(result);
        requests_sent_ += response.sends;
        if (!response.refreshed_token.empty())
            token_ = response.refreshed_token;
        if (std::optional<Request> next = batch.on_response(transfer->index(), response))
            batch.waiting.push_front({transfer->index(), std::move(*next)});
    }
}

void Http::wait(core::TimePoint deadline)
{
    // curl ends each transfer by its own timeout, which the deadline bounds: the latter is only a net below it.
    const auto at_most = std::chrono::ceil<milliseconds>(deadline - steady_clock::now()) + milliseconds(100);
    const milliseconds timer = Pool::instance().timer().value_or(at_most);
    const milliseconds time = std::clamp(timer, milliseconds(0), std::max(at_most, milliseconds(0)));
    if (time > milliseconds(0))
        waiter_.wait(Pool::instance().descriptor(), time);
}

} // namespace flex
