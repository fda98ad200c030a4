#pragma once
// One HTTP request on its way: its curl handle, what came back so far, and what is to be said of its end.

#include "core/ports.hpp"
#include "flex/pool.hpp"

#include <memory>
#include <string>

namespace flex {

/// How to behave towards one server.
struct HttpOptions {
    std::string token; ///< sent as X-Auth-Token; never part of a message
    std::chrono::milliseconds connect_timeout{5000};
    std::chrono::milliseconds request_timeout{15000};
    std::size_t max_response_bytes = 16u << 20; ///< a larger body is refused
    std::string bulk_delete;                    ///< the parameter of a DELETE of many line items; empty: there is none
    int retries = 3;                            ///< tries beyond the first for a request that is safe to repeat
    int max_parallel = 6;                       ///< requests in flight at once
    std::string ca_file;                        ///< empty: the system's trust
    std::string authorities;                    ///< what that file holds; Http reads it
    std::string proxy;                          ///< empty: none, whatever the environment says
};

struct Request {
    enum class Method { Get, Post, Delete };
    Method method = Method::Get;
    std::string url;
    std::string body = {};
    const char *content_type = nullptr;
    bool is_repeatable = true;     ///< false: never sent a second time, not even by libcurl itself
    bool opens_connection = false; ///< takes none that is kept; one that is not repeatable doesn't leave it to others
};

/// What the headers of an answer say.
struct Headers {
    std::string retry_after = {};
    std::string refreshed_token = {};
    std::string paging = {};     ///< a header that tells of further pages
    std::size_t total_count = 0; ///< the rows that there are; the largest number if the header says no number
};

/// When a request got how far, in seconds since its start; 0: not so far.
struct Timing {
    double resolved = 0;
    double connected = 0;
    double secured = 0;
    double first_byte = 0;
    double total = 0;
};

/// What became of a request, before anybody says what it means.
struct Response {
    CURLcode result = CURLE_OK;
    int status = 0;               ///< of the answer; 0 if none came
    int sends = 0;                ///< times that it went out on the wire
    int port = 0;                 ///< ours, of the connection; 0 if there was none
    bool is_too_late = false;     ///< not sent: the kept connection had been closed
    bool lost_connection = false; ///< not repeatable, and lost with the kept connection that it was sent on
    bool is_too_large = false;
    std::string body = {};
    std::string error = {}; ///< libcurl's words
    int os_error = 0;       ///< the errno of what failed, where libcurl knows one
    Headers headers = {};
    Timing timing = {};
};

class Transfer {
public:
    /// Prepares a request that may take `timeout` in all. Throws std::bad_alloc or core::Error.
    Transfer(std::size_t index, Request request, const HttpOptions &options, const std::string &token,
             std::chrono::milliseconds timeout);

    /// Takes the handle out of the pool, at whatever point the request is, without waiting.
    ~Transfer();
    Transfer(const Transfer &) = delete;
    Transfer &operator=(const Transfer &) = delete;

    void start();
    CURL *easy() const { return easy_.get(); }
    std::size_t index() const { return index_; }
    Request::Method method() const { return request_.method; }
    const std::string &url() const { return request_.url; }
    int sends() const { return response_.sends; }

    /// The request, which nobody has sent if the response says `is_too_late`.
    Request take_request() { return std::move(request_); }

    /// The response, once curl says that the transfer has ended so.
    Response finish(CURLcode result);

private:
    struct Cleanup {
        void operator()(CURL *easy) const { curl_easy_cleanup(easy); }
        void operator()(curl_slist *list) const { curl_slist_free_all(list); }
    };

    template <class Value> void set(CURLoption option, Value value);
    void add_header(const std::string &line);
    void trust_only(const std::string &authorities);
    double seconds(CURLINFO info) const;
    long number(CURLINFO info) const;
    bool is_lost_with_connection(CURLcode result) const;
    void note_header(std::string_view line);

    static std::size_t on_body(char *data, std::size_t size, std::size_t count, void *transfer) noexcept;
    static std::size_t on_header(char *data, std::size_t size, std::size_t count, void *transfer) noexcept;
    static int on_send(void *transfer, char *, char *, int, int local_port) noexcept;
    static curl_socket_t on_open(void *transfer, curlsocktype, curl_sockaddr *address) noexcept;

    std::size_t index_;
    Request request_;
    std::size_t max_response_bytes_;
    std::unique_ptr<CURL, Cleanup> easy_;
    std::unique_ptr<curl_slist, Cleanup> headers_;
    Response response_;
    std::size_t header_bytes_ = 0;
    bool is_started_ = false;
    char error_[CURL_ERROR_SIZE] = {};
};

} // namespace flex
