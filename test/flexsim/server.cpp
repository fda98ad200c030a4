#include "server.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <utility>

#include "connection.hpp"
#include "delivery.hpp"
#include "pool.hpp"

namespace flexsim {

namespace {

constexpr int backlog = 1024;
constexpr std::string_view control_prefix = "/control/";

// The library's default would let two simulators share one port.
void set_socket_options(socket_t socket)
{
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
}

// The library listens with a backlog of 5, which makes clients that come together wait a second; listening
// again widens it.
template <class Base> class Listening : public Base {
public:
    using Base::Base;

    // The port, or -1.
    int open(int port)
    {
        const std::string host = "127.0.0.1";
        this->set_tcp_nodelay(true);
        this->set_socket_options(set_socket_options);
        const int opened = port == 0 ? this->bind_to_any_port(host) : this->bind_to_port(host, port) ? port : -1;
        if (opened >= 0)
            ::listen(this->svr_sock_, backlog);
        return opened;
    }
};

struct Opened {
    std::unique_ptr<httplib::Server> http;
    int port;
};

template <class Http> Opened open(std::unique_ptr<Http> http, int wanted)
{
    const int port = http->open(wanted);
    if (port < 0)
        throw std::runtime_error("could not listen on port " + std::to_string(wanted) + " of 127.0.0.1");
    return {std::move(http), port};
}

Opened open(const Options &options)
{
    if (options.certificate.empty())
        return open(std::make_unique<Listening<httplib::Server>>(), options.port);
    auto https = std::make_unique<Listening<httplib::SSLServer>>(options.certificate.c_str(), options.key.c_str());
    if (!https->is_valid())
        throw std::runtime_error("cannot use certificate \"" + options.certificate + "\"");
    return open(std::move(https), options.port);
}

// Without these headers there is no body, and the library would read until the connection ends.
bool has_body(const httplib::Request &request)
{
    return request.has_header("Content-Length") || request.has_header("Transfer-Encoding");
}

// nullopt: the body did not arrive whole, or is of a kind that only the library's own parser reads.
std::optional<std::string> read_body(const httplib::Request &request, const httplib::ContentReader *reader)
{
    std::string body;
    if (reader == nullptr || !has_body(request))
        return body;
    if (request.is_multipart_form_data())
        return std::nullopt;
    const bool is_whole = (*reader)([&](const char *data, std::size_t size) {
        body.append(data, size);
        return true;
    });
    return is_whole ? std::optional(body) : std::nullopt;
}

// After an answer, cpp-httplib 0.41 reads a body that was left unread: of a DELETE without these headers that would be
// the next request. The object is the library's own and not const.
void say_that_no_body_follows(const httplib::Request &request)
{
    const_cast<httplib::Request &>(request).headers.emplace("Content-Length", "0");
}

bool is_added_by_library(const std::string &header)
{
    return header == "REMOTE_ADDR" || header == "REMOTE_PORT" || header == "LOCAL_ADDR" || header == "LOCAL_PORT";
}

Call make_call(const httplib::Request &request, std::string body)
{
    Call call;
    call.method = request.method;
    const std::size_t query = std::min(request.target.find('?'), request.target.size());
    call.path = request.target.substr(0, query);
    call.query = request.target.substr(std::min(query + 1, request.target.size()));
    call.body = std::move(body);
    for (const auto &[name, value] : request.headers)
        if (!is_added_by_library(name))
            call.headers.emplace_back(name, value);
    call.connection = current_connection().number;
    call.is_kept = current_connection().requests > 0;
    call.port = request.remote_port;
    return call;
}

} // namespace

Server::Server(const Options &options, void (*on_end)())
    : base_(options.base), api_(state_, faults_, log_, gate_),
      control_(state_, faults_, log_, gate_, options.token, options.latency_ms)
{
    Opened opened = open(options);
    http_ = std::move(opened.http);
    port_ = opened.port;
    configure(options.threads);
    listener_ = std::thread([this, on_end] {
        http_->listen_after_bind();
        on_end();
    });
    while (!http_->is_running())
        std::this_thread::yield();
}

Server::~Server()
{
    http_->stop();
    std::atomic<bool> has_ended = false;
    std::thread ender([&] {
        while (!has_ended) {
            gate_.abandon_all();
            end_all_connections();
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
    });
    listener_.join();
    has_ended = true;
    ender.join();
}

void Server::configure(std::size_t threads)
{
    http_->new_task_queue = [threads] { return std::make_unique<GrowingPool>(threads).release(); };
    http_->set_keep_alive_max_count(1'000'000'000);
    http_->set_keep_alive_timeout(3600);
    http_->set_read_timeout(60);
    http_->set_write_timeout(60);
    const auto plain = [this](const auto &request, auto &response) { serve(request, response, nullptr); };
    const auto reading = [this](const auto &request, auto &response, const auto &reader) {
        serve(request, response, &reader);
    };
    http_->Get(".*", plain).Options(".*", plain);
    http_->Post(".*", reading).Put(".*", reading).Patch(".*", reading).Delete(".*", reading);
}

void Server::serve(const httplib::Request &request, httplib::Response &response, const httplib::ContentReader *reader)
{
    handle(request, response, reader);
    // Called once the response has been written, which of the library's loggers no version promises.
    response.content_provider_resource_releaser_ = [this, port = request.remote_port](bool) { close_if_asked(port); };
}

void Server::handle(const httplib::Request &request, httplib::Response &response, const httplib::ContentReader *reader)
{
    std::optional<std::string> body = read_body(request, reader);
    if (!body) {
        response.status = request.is_multipart_form_data() ? 415 : 400;
        current_connection().close_idle_ms = 0;
        return;
    }
    const Answer answered = answer(request, std::move(*body));
    if (reader != nullptr && !has_body(request))
        say_that_no_body_follows(request);
    ++current_connection().requests;
    deliver(answered, request.remote_port, gate_, response);
}

Answer Server::answer(const httplib::Request &request, std::string body)
{
    Call call = make_call(request, std::move(body));
    if (call.path.starts_with(control_prefix))
        return control_.serve(call.method, call.path.substr(control_prefix.size()), call.query, call.body);
    route(call, base_);
    return api_.serve(call);
}

void Server::close_if_asked(int port)
{
    const std::optional<int> after_ms = std::exchange(current_connection().close_idle_ms, std::nullopt);
    if (!after_ms)
        return;
    gate_.pause(*after_ms);
    end_connection(find_socket(port));
}

} // namespace flexsim
