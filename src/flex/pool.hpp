#pragma once
// The connections of this process to Flex: one curl multi handle, and one descriptor on which all its sockets can be
// awaited.

#include <chrono>
#include <csignal>
#include <curl/curl.h>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace flex {

/// Blocks all signals of this thread while it lives: libcurl's resolver starts a thread, and the server's signal
/// handlers must never run there. Those that a fault raises stay as they are.
class SignalBlock {
public:
    SignalBlock() noexcept;
    ~SignalBlock();
    SignalBlock(const SignalBlock &) = delete;
    SignalBlock &operator=(const SignalBlock &) = delete;

private:
    sigset_t saved_;
};

/// Keeps connections and TLS sessions open between syncs. The token is a header, so that one pool serves all servers
/// and users.
class Pool {
public:
    /// The pool of this process. It is never destroyed: a destructor at exit would wait for resolvers that hang.
    static Pool &instance();

    CURLM *multi() const { return multi_; }

    /// Readable when curl has something to do with one of its sockets.
    int descriptor() const { return epoll_; }

    /// How long until curl wants to be called although no socket stirs; none if it does not.
    std::optional<std::chrono::milliseconds> timer() const;

    /// Lets curl do what sockets and timer ask for. Never blocks.
    void turn();

    /// A socket that programs of the session do not inherit; negative if there is none.
    curl_socket_t open(int family, int type, int protocol);

    /// curl's way to close one of those, `pool` being this.
    static int on_close(void *pool, curl_socket_t socket) noexcept;

    /// True if the connection from this port of ours is one that the other side has closed.
    bool is_closed_by_peer(int local_port) const;

    /// True if connections to the server of this URL die between two requests, as `note_loss` was told.
    bool loses_connections(std::string_view url) const;
    void note_loss(std::string_view url);

private:
    Pool();

    static int on_socket(CURL *easy, curl_socket_t socket, int what, void *pool, void *);
    static int on_timer(CURLM *multi, long timeout_ms, void *pool);

    CURLM *multi_;
    int epoll_;
    std::vector<curl_socket_t> sockets_;
    std::set<std::string, std::less<>> losers_; ///< schemes, hosts and ports
    std::optional<std::chrono::steady_clock::time_point> timer_;
};

} // namespace flex
