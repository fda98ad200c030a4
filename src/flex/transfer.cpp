#include "flex/transfer.hpp"

#include "core/error.hpp"
#include "flex/url.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <netinet/in.h>
#include <strings.h>
#include <sys/socket.h>

namespace flex {

namespace {

constexpr std::size_t max_header_bytes = 64 * 1024;

/// A connection that was idle for longer is opened anew: the server is likely to be closing it just then.
constexpr long max_idle_seconds = 30;

bool is_loopback(const sockaddr &address)
{
    if (address.sa_family == AF_INET)
        return (ntohl(reinterpret_cast<const sockaddr_in &>(address).sin_addr.s_addr) >> 24) == 127;
    if (address.sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6 &>(address).sin6_addr);
    return false;
}

/// The value of a header line if it has that name.
std::optional<std::string> value_of(std::string_view line, std::string_view name)
{
    if (line.size() <= name.size() || line[name.size()] != ':' ||
        strncasecmp(line.data(), name.data(), name.size()) != 0)
        return std::nullopt;
    line.remove_prefix(name.size() + 1);
    while (!line.empty() && (line.front() == ' ' || line.front() == '\t'))
        line.remove_prefix(1);
    while (!line.empty() && static_cast<unsigned char>(line.back()) <= ' ')
        line.remove_suffix(1);
    return std::string(line);
}

/// A number of rows. What says none, or one that is too large, says that there are more than came.
std::size_t row_count_of(std::string_view text)
{
    std::size_t count = 0;
    if (text.empty())
        return count;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    return error == std::errc() && end == text.data() + text.size() ? count : std::numeric_limits<std::size_t>::max();
}

} // namespace

Transfer::Transfer(std::size_t index, Request request, const HttpOptions &options, const std::string &token,
                   std::chrono::milliseconds timeout)
    : index_(index), request_(std::move(request)), max_response_bytes_(options.max_response_bytes),
      easy_(curl_easy_init())
{
    if (!easy_)
        throw std::bad_alloc();
    const bool is_encrypted = is_https(request_.url);
    set(CURLOPT_URL, request_.url.c_str());
    set(CURLOPT_PATH_AS_IS, 1L);
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_FOLLOWLOCATION, 0L); // curl forwards X-Auth-Token to any host
    set(CURLOPT_HTTP_VERSION, static_cast<long>(is_encrypted ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
    set(CURLOPT_ACCEPT_ENCODING, "gzip");
    set(CURLOPT_NOSIGNAL, 1L); // the server owns SIGALRM
    set(CURLOPT_QUICK_EXIT, 1L);
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(std::min(options.connect_timeout, timeout).count()));
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));
    set(CURLOPT_MAXAGE_CONN, max_idle_seconds);
    set(CURLOPT_FRESH_CONNECT, static_cast<long>(request_.opens_connection));
    set(CURLOPT_FORBID_REUSE, static_cast<long>(request_.opens_connection && !request_.is_repeatable));
    set(CURLOPT_PROXY, options.proxy.c_str()); // an empty one also keeps the environment's out
    set(CURLOPT_NOPROXY, "");
    if (!options.ca_file.empty() && is_https(request_.url))
        trust_only(options.authorities);
    set(CURLOPT_ERRORBUFFER, error_);
    set(CURLOPT_PRIVATE, this);
    set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_HEADERFUNCTION, &Transfer::on_header);
    set(CURLOPT_HEADERDATA, this);
    set(CURLOPT_PREREQFUNCTION, &Transfer::on_send);
    set(CURLOPT_PREREQDATA, this);
    set(CURLOPT_OPENSOCKETFUNCTION, &Transfer::on_open);
    set(CURLOPT_OPENSOCKETDATA, this);
    set(CURLOPT_CLOSESOCKETFUNCTION, &Pool::on_close);
    set(CURLOPT_CLOSESOCKETDATA, &Pool::instance()); // the connection may outlive the transfer

    add_header("X-Auth-Token: " + token);
    add_header("X-Requested-With: XMLHttpRequest");
    add_header("Accept: */*");
    add_header("Expect:");
    if (request_.content_type)
        add_header(std::string("Content-Type: ") + request_.content_type);
    set(CURLOPT_HTTPHEADER, headers_.get());
    if (request_.method != Request::Method::Get &&
        !(request_.method == Request::Method::Delete && request_.body.empty())) {
        set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
        set(CURLOPT_POSTFIELDS, request_.body.c_str());
    }
    if (request_.method == Request::Method::Delete)
        set(CURLOPT_CUSTOMREQUEST, "DELETE");
}

Transfer::~Transfer()
{
    if (is_started_)
        curl_multi_remove_handle(Pool::instance().multi(), easy_.get());
}

void Transfer::start()
{
    const SignalBlock block;
    if (curl_multi_add_handle(Pool::instance().multi(), easy_.get()) != CURLM_OK)
        throw core::Error("could not start an HTTP request");
    is_started_ = true;
}

template <class Value> void Transfer::set(CURLoption option, Value value)
{
    const CURLcode code = curl_easy_setopt(easy_.get(), option, value);
    if (code == CURLE_OUT_OF_MEMORY)
        throw std::bad_alloc();
    if (code != CURLE_OK)
        throw core::Error("could not prepare an HTTP request", "libcurl does not take option " +
                                                                   std::to_string(option) + ": " +
                                                                   curl_easy_strerror(code) + ".");
}

/// The name of a file would be opened by libcurl, wherever it leads. The text outlives the transfer.
void Transfer::trust_only(const std::string &authorities)
{
    curl_blob blob{
        .data = const_cast<char *>(authorities.data()), .len = authorities.size(), .flags = CURL_BLOB_NOCOPY};
    set(CURLOPT_CAINFO_BLOB, &blob);
    set(CURLOPT_CAPATH, static_cast<char *>(nullptr)); // the system's folder, which it would trust as well
}

void Transfer::add_header(const std::string &line)
{
    curl_slist *const list = curl_slist_append(headers_.get(), line.c_str());
    if (!list)
        throw std::bad_alloc();
    headers_.release();
    headers_.reset(list);
}

double Transfer::seconds(CURLINFO info) const
{
    curl_off_t microseconds = 0;
    curl_easy_getinfo(easy_.get(), info, &microseconds);
    return static_cast<double>(microseconds) / 1e6;
}

long Transfer::number(CURLINFO info) const
{
    long value = 0;
    curl_easy_getinfo(easy_.get(), info, &value);
    return value;
}

/// True if a request that is sent once was sent on a kept connection that died without an answer. Where libcurl was
/// about to send it again, it has opened another one.
bool Transfer::is_lost_with_connection(CURLcode result) const
{
    if (request_.is_repeatable || response_.sends == 0 || response_.status != 0)
        return false;
    return result == CURLE_ABORTED_BY_CALLBACK ||
           (result != CURLE_OK && result != CURLE_OPERATION_TIMEDOUT && number(CURLINFO_NUM_CONNECTS) == 0);
}

Response Transfer::finish(CURLcode result)
{
    response_.result = result;
    response_.status = static_cast<int>(number(CURLINFO_RESPONSE_CODE));
    response_.error = error_[0] ? error_ : curl_easy_strerror(result);
    response_.os_error = static_cast<int>(number(CURLINFO_OS_ERRNO));
    response_.port = static_cast<int>(number(CURLINFO_LOCAL_PORT));
    response_.lost_connection = is_lost_with_connection(result);
    response_.timing.resolved = seconds(CURLINFO_NAMELOOKUP_TIME_T);
    response_.timing.connected = seconds(CURLINFO_CONNECT_TIME_T);
    response_.timing.secured = seconds(CURLINFO_APPCONNECT_TIME_T);
    response_.timing.first_byte = seconds(CURLINFO_STARTTRANSFER_TIME_T);
    response_.timing.total = seconds(CURLINFO_TOTAL_TIME_T);
    return std::move(response_);
}

// ---- curl's callbacks: they append and count, and never throw ------------------------------------------------------

std::size_t Transfer::on_body(char *data, std::size_t size, std::size_t count, void *transfer) noexcept
try {
    auto &self = *static_cast<Transfer *>(transfer);
    const std::size_t bytes = size * count;
    if (bytes > self.max_response_bytes_ - self.response_.body.size()) {
        self.response_.is_too_large = true;
        return 0;
    }
    self.response_.body.append(data, bytes);
    return bytes;
} catch (const std::bad_alloc &) {
    static_cast<Transfer *>(transfer)->response_.is_too_large = true;
    return 0;
}

std::size_t Transfer::on_header(char *data, std::size_t size, std::size_t count, void *transfer) noexcept
try {
    auto &self = *static_cast<Transfer *>(transfer);
    const std::size_t bytes = size * count;
    self.header_bytes_ += bytes;
    if (self.header_bytes_ > max_header_bytes) {
        self.response_.is_too_large = true;
        return 0;
    }
    self.note_header({data, bytes});
    return bytes;
} catch (const std::bad_alloc &) {
    static_cast<Transfer *>(transfer)->response_.is_too_large = true;
    return 0;
}

void Transfer::note_header(std::string_view line)
{
    if (auto value = value_of(line, "Retry-After"))
        response_.headers.retry_after = std::move(*value);
    else if (auto token = value_of(line, "X-Auth-Token-Refreshed"))
        response_.headers.refreshed_token = std::move(*token);
    else if (auto range = value_of(line, "Content-Range"))
        response_.headers.paging = "Content-Range";
    else if (auto link = value_of(line, "Link"); link && link->find("next") != std::string::npos)
        response_.headers.paging = "Link";
    else if (auto page = value_of(line, "X-Next-Page"); page && !page->empty())
        response_.headers.paging = "X-Next-Page";
    else if (auto count = value_of(line, "X-Total-Count"))
        response_.headers.total_count = std::max(response_.headers.total_count, row_count_of(*count));
}

/// Called before each send, the hidden ones too: when a kept connection dies before a byte of the answer has come,
/// libcurl sends the request again on a new one by itself. An add must not be. Nor is anything sent on a connection
/// that is closed already: not all versions look before they use one.
int Transfer::on_send(void *transfer, char *, char *, int, int local_port) noexcept
{
    auto &self = *static_cast<Transfer *>(transfer);
    if (self.response_.sends > 0 && !self.request_.is_repeatable)
        return CURL_PREREQFUNC_ABORT;
    const bool may_be_closed = self.response_.sends == 0 && !self.request_.opens_connection;
    if (may_be_closed && Pool::instance().is_closed_by_peer(local_port)) {
        self.response_.is_too_late = true;
        return CURL_PREREQFUNC_ABORT;
    }
    ++self.response_.sends;
    return CURL_PREREQFUNC_OK;
}

/// Sockets are closed when the backend runs a program, and plain HTTP stays on this machine, whatever a name resolves
/// to.
curl_socket_t Transfer::on_open(void *transfer, curlsocktype, curl_sockaddr *address) noexcept
try {
    const auto &self = *static_cast<Transfer *>(transfer);
    if (!is_https(self.request_.url) && !is_loopback(address->addr))
        return CURL_SOCKET_BAD;
    return Pool::instance().open(address->family, address->socktype, address->protocol);
} catch (const std::bad_alloc &) {
    return CURL_SOCKET_BAD;
}

} // namespace flex
