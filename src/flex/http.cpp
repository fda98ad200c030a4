#include "flex/http.hpp"

#include "flex/ca_file.hpp"
#include "flex/url.hpp"

#include <algorithm>

namespace flex {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

/// A request is not begun when less than this is left: it could not end in time.
constexpr milliseconds least_time_for_a_request(10);

/// A connection that is closed sooner after an answer was not closed for being idle.
constexpr milliseconds least_idle_time(2000);

} // namespace

/// The requests of one perform(): those that wait, and those that are under way. They leave the pool with it.
struct Http::Batch {
    std::deque<Waiting> waiting;
    std::vector<std::unique_ptr<Transfer>> under_way;
    core::TimePoint held_until;
    core::TimePoint deadline;
    const OnResponse &on_response;
    const OnUnsent &on_unsent;
    const IsPermitted &is_permitted;
    bool waits_for_permit = false; ///< the first that could begin now may not yet

    /// The moment at which the first of those that wait may begin, as far as time alone keeps them; none if none waits.
    std::optional<core::TimePoint> next_begin() const
    {
        std::optional<core::TimePoint> next;
        const core::TimePoint now = steady_clock::now();
        for (const Waiting &request : waiting)
            if (const core::TimePoint begin = std::max(request.not_before, held_until);
                begin > now || !waits_for_permit)
                next = std::min(next.value_or(core::TimePoint::max()), begin);
        return next;
    }

    WaitFor waits_for() const
    {
        if (under_way.empty())
            return waits_for_permit ? WaitFor::Journal : WaitFor::Repeat;
        const bool is_change = std::any_of(under_way.begin(), under_way.end(), [](const auto &transfer) {
            return transfer->method() != Request::Method::Get;
        });
        return is_change ? WaitFor::Change : WaitFor::Listing;
    }
};

Http::Http(HttpOptions options, Waiter &waiter) : options_(std::move(options)), waiter_(waiter), token_(options_.token)
{
}

void Http::perform(std::vector<Request> requests, core::TimePoint deadline, const OnResponse &on_response,
                   const OnUnsent &on_unsent, const Meanwhile &meanwhile, const IsPermitted &is_permitted)
{
    Batch batch{.waiting = {},
                .under_way = {},
                .held_until = {},
                .deadline = deadline,
                .on_response = on_response,
                .on_unsent = on_unsent,
                .is_permitted = is_permitted};
    const std::string why_not = load_authorities(requests);
    for (std::size_t index = 0; index < requests.size(); ++index) {
        if (why_not.empty()) {
            batch.waiting.push_back({index, std::move(requests[index])});
            continue;
        }
        Response response{.result = CURLE_SSL_CACERT_BADFILE, .error = why_not};
        on_response(index, response);
    }

    start_some(batch);
    Pool::instance().turn();
    if (meanwhile)
        meanwhile();
    while (!batch.under_way.empty() || !batch.waiting.empty()) {
        Pool::instance().turn();
        collect(batch);
        start_some(batch);
        if (!batch.under_way.empty() || !batch.waiting.empty())
            wait(batch);
    }
}

/// Reads the file of certificates to trust, each time, so that one that was replaced is noticed. Why it cannot be used,
/// if so.
std::string Http::load_authorities(const std::vector<Request> &requests)
{
    if (options_.ca_file.empty() || requests.empty() || !is_https(requests.front().url))
        return {};
    CaFile file = read_ca_file(options_.ca_file);
    options_.authorities = std::move(file.authorities);
    return file.error;
}

/// Begins what may begin now, in order. What could not end before the deadline is told off at once.
void Http::start_some(Batch &batch)
{
    const core::TimePoint now = steady_clock::now();
    batch.waits_for_permit = false;
    for (auto next = batch.waiting.begin(); next != batch.waiting.end();) {
        const bool is_hopeless =
            !has_time(batch, next->request) || std::max(next->not_before, batch.held_until) >= batch.deadline;
        if (!is_hopeless && (next->not_before > now || batch.held_until > now)) {
            ++next;
            continue;
        }
        if (!is_hopeless && batch.under_way.size() >= static_cast<std::size_t>(options_.max_parallel))
            return;
        const core::Permit permit =
            batch.is_permitted && !is_hopeless ? batch.is_permitted(next->index) : core::Permit::Go;
        if (permit == core::Permit::Wait) {
            batch.waits_for_permit = true;
            return;
        }
        Waiting request = std::move(*next);
        next = batch.waiting.erase(next);
        if (is_hopeless || permit == core::Permit::Never) {
            batch.on_unsent(request.index);
            continue;
        }
        if (!request.request.is_repeatable && Pool::instance().loses_connections(request.request.url))
            request.request.opens_connection = true;
        const auto left = std::chrono::floor<milliseconds>(batch.deadline - now);
        batch.under_way.push_back(std::make_unique<Transfer>(request.index, std::move(request.request), options_,
                                                             token_, std::min(options_.request_timeout, left)));
        batch.under_way.back()->start();
    }
}

bool Http::has_time(const Batch &batch, const Request &request) const
{
    const milliseconds slowest = slowest_[static_cast<std::size_t>(request.method)];
    return batch.deadline - steady_clock::now() >= std::max(least_time_for_a_request, slowest + slowest / 4);
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
        Response response = transfer->finish(result);
        requests_sent_ += response.sends;
        note_connection(transfer->url(), response);
        if (response.is_too_late) {
            batch.waiting.push_front({transfer->index(), transfer->take_request()});
            batch.waiting.front().request.opens_connection = true;
            continue;
        }
        if (!response.headers.refreshed_token.empty())
            token_ = response.headers.refreshed_token;
        milliseconds &slowest = slowest_[static_cast<std::size_t>(transfer->method())];
        if (result == CURLE_OK)
            slowest = std::max(slowest,
                               std::chrono::ceil<milliseconds>(std::chrono::duration<double>(response.timing.total)));
        std::optional<Next> next = batch.on_response(transfer->index(), response);
        if (!next)
            continue;
        const core::TimePoint not_before = steady_clock::now() + next->delay;
        if (next->holds_others)
            batch.held_until = std::max(batch.held_until, not_before);
        batch.waiting.push_front({transfer->index(), std::move(next->request), not_before});
    }
}

/// Learns whether the server closes connections without saying so, which costs an add that is just then on its way. To
/// such a server adds go over connections of their own, for as long as this process lives.
void Http::note_connection(const std::string &url, const Response &response)
{
    const core::TimePoint now = steady_clock::now();
    const auto last_answer = last_answers_.find(response.port);
    const bool closed_at_once =
        response.is_too_late && last_answer != last_answers_.end() && now - last_answer->second < least_idle_time;
    if (response.lost_connection || closed_at_once)
        Pool::instance().note_loss(url);
    if (response.result == CURLE_OK)
        last_answers_[response.port] = now;
}

/// Waits for the network, curl's timer, or the moment at which a request may begin.
void Http::wait(const Batch &batch)
{
    // curl ends each transfer by its own timeout, which the deadline bounds: the latter is only a net below it.
    core::TimePoint until = batch.deadline + milliseconds(100);
    if (const std::optional<core::TimePoint> begin = batch.next_begin();
        begin && batch.under_way.size() < static_cast<std::size_t>(options_.max_parallel))
        until = std::min(until, *begin);
    milliseconds time = std::chrono::ceil<milliseconds>(until - steady_clock::now());
    if (const std::optional<milliseconds> timer = Pool::instance().timer())
        time = std::min(time, *timer);
    if (time > milliseconds(0))
        waiter_.wait(Pool::instance().descriptor(), time, batch.waits_for());
}

} // namespace flex
