#include "flex/pool.hpp"

#include "core/error.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <netinet/in.h>
#include <new>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

// CURLOPT_QUICK_EXIT, without which a resolver that never answers holds up a cancel, came with 7.87.
static_assert(LIBCURL_VERSION_NUM >= 0x075700, "flex_sync needs libcurl 7.87 or later");

namespace flex {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

/// Without it curl keeps four for each request under way, and a lone listing would close what the changes need next.
constexpr long max_kept_connections = 100;

std::vector<int> open_descriptors()
{
    std::vector<int> descriptors;
    for (const auto &entry : std::filesystem::directory_iterator("/proc/self/fd"))
        descriptors.push_back(std::stoi(entry.path().filename().string()));
    // The directory's own is closed by now.
    std::erase_if(descriptors, [](int descriptor) { return fcntl(descriptor, F_GETFD) < 0; });
    return descriptors;
}

/// The sockets that a multi handle opens for its own use are left open to the programs that a backend starts.
void close_on_exec_all_but(const std::vector<int> &before)
{
    for (const int descriptor : open_descriptors())
        if (std::find(before.begin(), before.end(), descriptor) == before.end())
            fcntl(descriptor, F_SETFD, FD_CLOEXEC);
}

/// Our port of a connection; -1 if there is none.
int local_port_of(int socket)
{
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (getsockname(socket, reinterpret_cast<sockaddr *>(&address), &size) != 0)
        return -1;
    if (address.ss_family == AF_INET6)
        return ntohs(reinterpret_cast<const sockaddr_in6 &>(address).sin6_port);
    return address.ss_family == AF_INET ? ntohs(reinterpret_cast<const sockaddr_in &>(address).sin_port) : -1;
}

/// Scheme, host and port.
std::string_view origin_of(std::string_view url)
{
    const std::size_t host = url.find("://");
    return host == std::string_view::npos ? url : url.substr(0, url.find_first_of("/?#", host + 3));
}

} // namespace

SignalBlock::SignalBlock() noexcept
{
    sigset_t all;
    sigfillset(&all);
    for (const int fault : {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP})
        sigdelset(&all, fault);
    pthread_sigmask(SIG_SETMASK, &all, &saved_);
}

SignalBlock::~SignalBlock()
{
    pthread_sigmask(SIG_SETMASK, &saved_, nullptr);
}

Pool &Pool::instance()
{
    static Pool *const pool = new Pool;
    return *pool;
}

Pool::Pool()
{
    const SignalBlock block;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        throw core::Error("could not initialize libcurl");
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ < 0)
        throw core::Error("could not create an epoll descriptor", core::os_error_text(errno));
    const std::vector<int> before = open_descriptors();
    multi_ = curl_multi_init();
    if (!multi_) {
        close(epoll_);
        throw std::bad_alloc();
    }
    close_on_exec_all_but(before);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Pool::on_socket);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Pool::on_timer);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, max_kept_connections);
    curl_multi_setopt(multi_, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_MULTIPLEX));
}

curl_socket_t Pool::open(int family, int type, int protocol)
{
    sockets_.reserve(sockets_.size() + 1);
    const curl_socket_t socket = ::socket(family, type | SOCK_CLOEXEC, protocol);
    if (socket >= 0)
        sockets_.push_back(socket);
    return socket;
}

int Pool::on_close(void *pool, curl_socket_t socket) noexcept
{
    std::erase(static_cast<Pool *>(pool)->sockets_, socket);
    return close(socket);
}

bool Pool::is_closed_by_peer(int local_port) const
{
    const auto found = std::find_if(sockets_.begin(), sockets_.end(),
                                    [local_port](curl_socket_t socket) { return local_port_of(socket) == local_port; });
    if (found == sockets_.end())
        return false;
    pollfd state{.fd = *found, .events = POLLRDHUP, .revents = 0};
    return poll(&state, 1, 0) > 0;
}

bool Pool::loses_connections(std::string_view url) const
{
    return losers_.contains(origin_of(url));
}

void Pool::note_loss(std::string_view url)
{
    losers_.emplace(origin_of(url));
}

std::optional<milliseconds> Pool::timer() const
{
    if (!timer_)
        return std::nullopt;
    return std::max(milliseconds(0), std::chrono::ceil<milliseconds>(*timer_ - steady_clock::now()));
}

void Pool::turn()
{
    const SignalBlock block;
    int running = 0;
    std::array<epoll_event, 64> events;
    const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < count; ++i) {
        const std::uint32_t seen = events[static_cast<std::size_t>(i)].events;
        const int what = (seen & EPOLLIN ? CURL_CSELECT_IN : 0) | (seen & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                         (seen & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
        curl_multi_socket_action(multi_, events[static_cast<std::size_t>(i)].data.fd, what, &running);
    }
    if (timer_ && *timer_ <= steady_clock::now()) {
        timer_.reset();
        curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
    }
}

int Pool::on_socket(CURL *, curl_socket_t socket, int what, void *pool, void *)
{
    const int epoll = static_cast<Pool *>(pool)->epoll_;
    epoll_event event{};
    event.data.fd = socket;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(epoll, EPOLL_CTL_DEL, socket, &event);
        return 0;
    }
    event.events =
        (what & CURL_POLL_IN ? std::uint32_t{EPOLLIN} : 0U) | (what & CURL_POLL_OUT ? std::uint32_t{EPOLLOUT} : 0U);
    if (epoll_ctl(epoll, EPOLL_CTL_MOD, socket, &event) != 0 && errno == ENOENT &&
        epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event) != 0)
        return -1;
    return 0;
}

int Pool::on_timer(CURLM *, long timeout_ms, void *pool)
{
    auto &timer = static_cast<Pool *>(pool)->timer_;
    if (timeout_ms < 0)
        timer.reset();
    else
        timer = steady_clock::now() + milliseconds(timeout_ms);
    return 0;
}

} // namespace flex
