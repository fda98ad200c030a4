#pragma once
// The HTTP server: API and control interface on one loopback port.

#include <httplib.h>
#include <memory>
#include <string>
#include <thread>

#include "api.hpp"
#include "control.hpp"
#include "options.hpp"

namespace flexsim {

class Server {
public:
    /// Binds the port and serves, in threads of its own. Throws std::runtime_error when the port is taken or
    /// the certificate cannot be read. `on_end` is called when the server ends by itself.
    Server(const Options &options, void (*on_end)());

    /// Ends all connections and threads.
    ~Server();

    Server(const Server &) = delete;
    Server &operator=(const Server &) = delete;

    int port() const { return port_; }

private:
    void configure(std::size_t threads);
    void serve(const httplib::Request &request, httplib::Response &response, const httplib::ContentReader *reader);
    void handle(const httplib::Request &request, httplib::Response &response, const httplib::ContentReader *reader);
    Answer answer(const httplib::Request &request, std::string body);
    void close_if_asked(int port);

    const std::string base_;
    State state_;
    Faults faults_;
    RequestLog log_;
    Gate gate_;
    Api api_;
    Control control_;
    std::unique_ptr<httplib::Server> http_;
    int port_ = -1;
    std::thread listener_;
};

} // namespace flexsim
