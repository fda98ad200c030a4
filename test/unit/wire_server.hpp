#pragma once
// An HTTP server on a loopback port that answers byte by byte what a test tells it, and remembers what came.

#include <arpa/inet.h>
#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>
#include <mutex>
#include <poll.h>
#include <string>
#include <strings.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace unit {

struct WireRequest {
    std::string head; ///< request line and headers
    std::string body;
    int on_connection = 0; ///< its place on its connection, from 1

    std::string line() const { return head.substr(0, head.find("\r\n")); }
    bool has_header(const std::string &header) const
    {
        return head.find("\r\n" + header + "\r\n") != std::string::npos;
    }
    bool has_header_named(const std::string &name) const
    {
        return strcasestr(head.c_str(), ("\r\n" + name + ":").c_str()) != nullptr;
    }
};

/// What goes back: bytes, and then what becomes of the connection.
struct WireReply {
    enum class Then { Keep, Close, Hang };
    std::string bytes;
    Then then = Then::Keep;
};

/// A whole answer.
inline std::string answer(int status, const std::string &body = "", const std::string &headers = "")
{
    return "HTTP/1.1 " + std::to_string(status) + " Some words\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n" + headers + "\r\n" + body;
}

class WireServer {
public:
    using Handler = std::function<WireReply(const WireRequest &)>;

    explicit WireServer(Handler handler) : handler_(std::move(handler))
    {
        listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        if (bind(listener_, reinterpret_cast<sockaddr *>(&address), size) != 0 || listen(listener_, 64) != 0 ||
            getsockname(listener_, reinterpret_cast<sockaddr *>(&address), &size) != 0)
            throw std::runtime_error("could not listen on a loopback port");
        port_ = ntohs(address.sin_port);
        acceptor_ = std::thread([this] { accept_all(); });
    }

    ~WireServer()
    {
        is_stopping_ = true;
        acceptor_.join();
        for (std::thread &thread : connections_)
            thread.join();
        close(listener_);
    }

    WireServer(const WireServer &) = delete;
    WireServer &operator=(const WireServer &) = delete;

    std::string url(const std::string &path = "/") const { return "http://127.0.0.1:" + std::to_string(port_) + path; }

    std::vector<WireRequest> requests() const
    {
        const std::scoped_lock lock(mutex_);
        return requests_;
    }

    int max_at_once() const { return max_at_once_; }
    int open_connections() const { return open_; }
    int connection_count() const { return accepted_; }

    /// Waits up to two seconds for the clients to have closed all their connections but so many.
    bool has_open(int connections) const
    {
        for (int i = 0; i < 400 && open_ != connections; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        return open_ == connections;
    }

    /// Waits up to two seconds for so many requests to have come.
    bool has_seen(std::size_t count) const
    {
        for (int i = 0; i < 400 && requests().size() < count; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        return requests().size() >= count;
    }

private:
    void accept_all()
    {
        while (!is_stopping_) {
            if (!is_readable(listener_))
                continue;
            const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
            ++open_;
            ++accepted_;
            connections_.emplace_back([this, connection] { serve(connection); });
        }
    }

    void serve(int connection)
    {
        std::string pending;
        for (int number = 1; !is_stopping_; ++number) {
            WireRequest request;
            if (!read_request(connection, pending, request))
                break;
            request.on_connection = number;
            const WireReply reply = answered(request);
            send(connection, reply.bytes.data(), reply.bytes.size(), MSG_NOSIGNAL);
            if (reply.then == WireReply::Then::Hang)
                while (!is_stopping_ && !has_left(connection))
                    std::this_thread::sleep_for(std::chrono::milliseconds(2));
            if (reply.then != WireReply::Then::Keep)
                break;
        }
        close(connection);
        --open_;
    }

    WireReply answered(const WireRequest &request)
    {
        const int at_once = ++in_hand_;
        {
            const std::scoped_lock lock(mutex_);
            requests_.push_back(request);
            max_at_once_ = std::max(max_at_once_.load(), at_once);
        }
        const WireReply reply = handler_(request);
        --in_hand_;
        return reply;
    }

    /// False when the client has left.
    bool read_request(int connection, std::string &pending, WireRequest &request)
    {
        std::size_t end = std::string::npos;
        while ((end = pending.find("\r\n\r\n")) == std::string::npos)
            if (!read_more(connection, pending))
                return false;
        request.head = pending.substr(0, end + 2);
        pending.erase(0, end + 4);
        const char *const length = strcasestr(request.head.c_str(), "\r\nContent-Length:");
        const std::size_t size = length ? std::strtoul(length + 17, nullptr, 10) : 0;
        while (pending.size() < size)
            if (!read_more(connection, pending))
                return false;
        request.body = pending.substr(0, size);
        pending.erase(0, size);
        return true;
    }

    bool read_more(int connection, std::string &pending)
    {
        while (!is_stopping_) {
            if (!is_readable(connection))
                continue;
            char buffer[16384];
            const ssize_t count = recv(connection, buffer, sizeof buffer, 0);
            if (count <= 0)
                return false;
            pending.append(buffer, static_cast<std::size_t>(count));
            return true;
        }
        return false;
    }

    static bool is_readable(int descriptor)
    {
        pollfd it{.fd = descriptor, .events = POLLIN, .revents = 0};
        return poll(&it, 1, 5) == 1;
    }

    static bool has_left(int connection)
    {
        char byte;
        return recv(connection, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
    }

    Handler handler_;
    int listener_ = -1;
    int port_ = 0;
    std::atomic<bool> is_stopping_ = false;
    std::atomic<int> in_hand_ = 0, max_at_once_ = 0, open_ = 0, accepted_ = 0;
    mutable std::mutex mutex_;
    std::vector<WireRequest> requests_;
    std::thread acceptor_;
    std::vector<std::thread> connections_;
};

} // namespace unit
