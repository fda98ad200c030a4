#include "flex/url.hpp"

#include <arpa/inet.h>
#include <curl/curl.h>

#include <algorithm>
#include <memory>
#include <strings.h>

namespace flex {

namespace {

struct CurlDeleter {
    void operator()(CURLU *url) const { curl_url_cleanup(url); }
    void operator()(char *text) const { curl_free(text); }
};

std::optional<std::string> part_of(CURLU *url, CURLUPart part)
{
    char *text = nullptr;
    if (curl_url_get(url, part, &text, 0) != CURLUE_OK)
        return std::nullopt;
    const std::unique_ptr<char, CurlDeleter> owner(text);
    return std::string(text);
}

bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

} // namespace

bool is_https(std::string_view url)
{
    constexpr std::string_view scheme = "https:";
    return url.size() >= scheme.size() && strncasecmp(url.data(), scheme.data(), scheme.size()) == 0;
}

bool is_loopback_host(std::string_view host)
{
    constexpr std::string_view name = "localhost";
    if (host.size() == name.size() && strncasecmp(host.data(), name.data(), name.size()) == 0)
        return true;
    if (host.starts_with('[') && host.ends_with(']'))
        host = host.substr(1, host.size() - 2);
    in6_addr address6{};
    if (inet_pton(AF_INET6, std::string(host).c_str(), &address6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&address6);
    in_addr address{};
    return inet_pton(AF_INET, std::string(host).c_str(), &address) == 1 && (ntohl(address.s_addr) >> 24) == 127;
}

std::optional<std::string> why_not_base_url(const std::string &text)
{
    for (const char c : text)
        if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7F)
            return "it contains white space or a control character";
    const std::unique_ptr<CURLU, CurlDeleter> url(curl_url());
    if (!url || curl_url_set(url.get(), CURLUPART_URL, text.c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
        return "it is not a URL";
    const std::optional<std::string> scheme = part_of(url.get(), CURLUPART_SCHEME);
    const std::optional<std::string> host = part_of(url.get(), CURLUPART_HOST);
    if (!scheme || (*scheme != "https" && *scheme != "http"))
        return "its scheme is not \"https\"";
    // curl takes the path for the host where there is a third slash.
    if (!host || host->empty() || text.find(":///") != std::string::npos)
        return "it names no host";
    if (*scheme == "http" && !is_loopback_host(*host))
        return "its scheme is \"http\", which is for a loopback host only";
    if (part_of(url.get(), CURLUPART_USER) || part_of(url.get(), CURLUPART_PASSWORD))
        return "it contains credentials";
    if (text.find('?') != std::string::npos)
        return "it has a query";
    if (text.find('#') != std::string::npos)
        return "it has a fragment";
    return std::nullopt;
}

std::string without_trailing_slashes(std::string_view url)
{
    while (url.ends_with('/'))
        url.remove_suffix(1);
    return std::string(url);
}

std::string account_url(std::string_view url)
{
    std::string account = without_trailing_slashes(url);
    const std::size_t scheme = account.find("://");
    const std::size_t host = scheme == std::string::npos ? 0 : scheme + 3;
    const auto path = account.begin() + static_cast<std::ptrdiff_t>(std::min(account.find('/', host), account.size()));
    std::transform(account.begin(), path, account.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return account;
}

std::string path_segment(std::string_view text)
{
    constexpr std::string_view digits = "0123456789ABCDEF";
    const bool is_dots = text == "." || text == "..";
    std::string segment;
    segment.reserve(text.size());
    for (const char c : text) {
        if (is_unreserved(c) && !is_dots) {
            segment += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        segment += '%';
        segment += digits[byte >> 4];
        segment += digits[byte & 0x0F];
    }
    return segment;
}

} // namespace flex
