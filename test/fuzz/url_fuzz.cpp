// The option "url": what is accepted, curl takes for the same; a request goes to that host, below that path, whatever
// the id of an element is.

#include "flex/url.hpp"
#include "fuzz.hpp"

#include <cstring>
#include <curl/curl.h>
#include <memory>

namespace {

struct CurlDeleter {
    void operator()(CURLU *url) const { curl_url_cleanup(url); }
    void operator()(char *text) const { curl_free(text); }
};

using Url = std::unique_ptr<CURLU, CurlDeleter>;

/// As libcurl reads the URL of a request.
Url read(const std::string &text)
{
    Url url(curl_url());
    const CURLUcode code = curl_url_set(url.get(), CURLUPART_URL, text.c_str(), CURLU_PATH_AS_IS);
    fuzz::require(code == CURLUE_OK, "curl takes the URL of a request");
    return url;
}

std::string part_of(const Url &url, CURLUPart part)
{
    char *text = nullptr;
    if (curl_url_get(url.get(), part, &text, 0) != CURLUE_OK)
        return {};
    const std::unique_ptr<char, CurlDeleter> owner(text);
    return text;
}

std::string decoded(const std::string &segment)
{
    int length = 0;
    const std::unique_ptr<char, CurlDeleter> text(
        curl_easy_unescape(nullptr, segment.c_str(), static_cast<int>(segment.size()), &length));
    return std::string(text.get(), static_cast<std::size_t>(length));
}

void check_request(const std::string &base, const std::string &segment)
{
    const Url of_base = read(base);
    const Url of_request = read(base + "/line-item/" + segment);
    for (const CURLUPart part : {CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT})
        fuzz::require(part_of(of_base, part) == part_of(of_request, part), "a request goes where the option says");
    fuzz::require(part_of(of_request, CURLUPART_USER).empty(), "a request has no user");
    fuzz::require(part_of(of_request, CURLUPART_QUERY).empty(), "an id adds no query");
    fuzz::require(part_of(of_request, CURLUPART_FRAGMENT).empty(), "an id adds no fragment");
    fuzz::require(part_of(of_request, CURLUPART_PATH).ends_with("/line-item/" + segment), "an id is one segment");
}

} // namespace

// The input is the URL and, after a line break, an id.
int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size)
{
    const std::string_view input = fuzz::text_of(data, size);
    const std::size_t end = std::min(input.find('\n'), input.size());
    const std::string base(input.substr(0, end));
    const std::string_view id = input.substr(std::min(end + 1, input.size()));

    const std::string segment = flex::path_segment(id);
    fuzz::require(segment.find_first_of("/?#\\ ") == std::string::npos, "a segment has no delimiter");
    fuzz::require(segment != "." && segment != "..", "a segment is no dots");
    fuzz::require(decoded(segment) == id, "a segment is the id");

    if (base.find('\0') != std::string::npos || flex::why_not_base_url(base))
        return 0;
    const Url url = read(base);
    const std::string scheme = part_of(url, CURLUPART_SCHEME);
    fuzz::require(scheme == "https" || scheme == "http", "no other scheme");
    fuzz::require(!part_of(url, CURLUPART_HOST).empty(), "there is a host");
    fuzz::require(scheme == "https" || flex::is_loopback_host(part_of(url, CURLUPART_HOST)), "http is for loopback");
    if (base.back() != '/' && !segment.empty())
        check_request(base, segment);
    return 0;
}
