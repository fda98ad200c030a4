// What a server's base URL may be, and how an id becomes a segment of a path.

#include "flex/url.hpp"

#include <gtest/gtest.h>

using flex::account_url;
using flex::is_loopback_host;
using flex::path_segment;

namespace {

std::string why_not(const std::string &url)
{
    return flex::why_not_base_url(url).value_or("");
}

TEST(Url, https_is_for_any_host)
{
    for (const char *url : {"https://acme.flexrentalsolutions.com/f5/api", "https://acme.example",
                            "https://acme.example/", "HTTPS://ACME.EXAMPLE/f5/api/", "https://acme.example:8443/f5/api",
                            "https://192.0.2.1/api", "https://[2001:db8::1]/api", "https://a_b.example/~x/%20y"})
        EXPECT_EQ(why_not(url), "") << url;
}

TEST(Url, http_is_for_a_loopback_host)
{
    for (const char *url :
         {"http://localhost/f5/api", "http://127.0.0.1:8080", "http://127.9.8.7/f5/api", "http://[::1]:8080/f5/api",
          "http://LOCALHOST/f5/api", "HTTP://LocalHost:8080", "http://[0:0:0:0:0:0:0:1]/", "http://[::0001]/"})
        EXPECT_EQ(why_not(url), "") << url;
}

TEST(Url, http_is_for_no_other_host)
{
    for (const char *url :
         {"http://acme.example/f5/api", "http://192.0.2.1", "http://128.0.0.1", "http://localhost.acme.example",
          "http://127.0.0.1.acme.example", "http://[::2]/", "http://[::ffff:192.0.2.1]/", "http://0.0.0.0/"})
        EXPECT_EQ(why_not(url), "its scheme is \"http\", which is for a loopback host only") << url;
}

TEST(Url, a_scheme_is_https_in_any_letter_case)
{
    for (const char *url : {"https://acme.example/", "HTTPS://acme.example/", "Https://acme.example/"})
        EXPECT_TRUE(flex::is_https(url)) << url;
    for (const char *url : {"http://acme.example/", "HTTP://acme.example/", "httpss://acme.example/", "https", ""})
        EXPECT_FALSE(flex::is_https(url)) << url;
}

TEST(Url, other_schemes_are_refused)
{
    for (const char *url :
         {"ftp://localhost/x", "file://localhost/etc/passwd", "gopher://localhost/", "ws://localhost/"})
        EXPECT_EQ(why_not(url), "its scheme is not \"https\"") << url;
    for (const char *url : {"file:///etc/passwd", "javascript:alert(1)", "acme.example/f5/api", "//acme.example", ""})
        EXPECT_NE(why_not(url), "") << url;
}

TEST(Url, credentials_are_refused)
{
    for (const char *url :
         {"https://user@acme.example/", "https://user:secret@acme.example/", "https://:secret@acme.example/",
          "http://user@127.0.0.1/", "https://localhost@acme.example/"})
        EXPECT_EQ(why_not(url), "it contains credentials") << url;
}

TEST(Url, a_host_that_hides_behind_credentials_is_no_loopback_host)
{
    EXPECT_NE(why_not("http://127.0.0.1@acme.example/"), "");
    EXPECT_NE(why_not("http://127.0.0.1:80@acme.example/"), "");
}

TEST(Url, a_query_is_refused)
{
    for (const char *url : {"https://acme.example/f5/api?x=y", "https://acme.example?", "https://acme.example/?"})
        EXPECT_EQ(why_not(url), "it has a query") << url;
}

TEST(Url, a_fragment_is_refused)
{
    for (const char *url : {"https://acme.example/f5/api#x", "https://acme.example#", "https://acme.example/#"})
        EXPECT_EQ(why_not(url), "it has a fragment") << url;
}

TEST(Url, a_host_is_needed)
{
    for (const char *url : {"https://", "https:///f5/api", "https://:8080/"})
        EXPECT_NE(why_not(url), "") << url;
}

TEST(Url, white_space_and_control_characters_are_refused)
{
    for (const std::string &url :
         {std::string(" https://acme.example"), std::string("https://acme.example "),
          std::string("https://acme.example/a b"), std::string("https://acme.example/\r\nX-Evil: 1"),
          std::string("https://acme.example/\x7F"), std::string("https://acme\0.example", 21),
          std::string("https://acme.example/\t")})
        EXPECT_EQ(why_not(url), "it contains white space or a control character") << url;
}

TEST(Url, what_is_no_url_is_refused)
{
    for (const char *url :
         {"https://acme.example:port/", "https://acme.example:99999/", "https://[::1/", "https://a b/"})
        EXPECT_NE(why_not(url), "") << url;
}

TEST(Url, these_hosts_are_loopback_hosts)
{
    for (const char *host : {"localhost", "LOCALHOST", "LocalHost", "127.0.0.1", "127.255.255.254", "::1", "[::1]",
                             "[0:0:0:0:0:0:0:1]", "0:0:0:0:0:0:0:1"})
        EXPECT_TRUE(is_loopback_host(host)) << host;
    for (const char *host : {"", "Localhost.example", "126.0.0.1", "128.0.0.1", "127.0.0.1.example", "127.1x", "::2",
                             "[::]", "::ffff:127.0.0.1", "0.0.0.0", "2130706433"})
        EXPECT_FALSE(is_loopback_host(host)) << host;
}

TEST(Url, a_segment_keeps_unreserved_characters)
{
    constexpr const char *unreserved = "abcxyzABCXYZ0189-._~";
    EXPECT_EQ(path_segment(unreserved), unreserved);
    EXPECT_EQ(path_segment("6f1c9a52-0b1e-4c58-9d0f-0a1b2c3d4e5f"), "6f1c9a52-0b1e-4c58-9d0f-0a1b2c3d4e5f");
    EXPECT_EQ(path_segment(""), "");
}

TEST(Url, a_segment_cannot_leave_its_place_in_the_path)
{
    EXPECT_EQ(path_segment("../../x?y"), "..%2F..%2Fx%3Fy");
    EXPECT_EQ(path_segment("."), "%2E");
    EXPECT_EQ(path_segment(".."), "%2E%2E");
    EXPECT_EQ(path_segment("..."), "...");
    EXPECT_EQ(path_segment("a/b#c&d=e;f"), "a%2Fb%23c%26d%3De%3Bf");
    EXPECT_EQ(path_segment("%2F"), "%252F");
    EXPECT_EQ(path_segment("a b+c"), "a%20b%2Bc");
}

TEST(Url, a_segment_encodes_every_byte)
{
    EXPECT_EQ(path_segment("\xC3\xA9"), "%C3%A9");
    EXPECT_EQ(path_segment(std::string("\0\x01\x7F\xFF", 4)), "%00%01%7F%FF");
    for (int byte = 0; byte < 256; ++byte) {
        const std::string segment = path_segment(std::string(1, static_cast<char>(byte)));
        for (const char c : segment)
            EXPECT_TRUE(isalnum(static_cast<unsigned char>(c)) || std::string("-._~%").find(c) != std::string::npos)
                << byte;
    }
}

TEST(Url, an_account_is_the_same_in_every_spelling_of_its_host)
{
    EXPECT_EQ(account_url("https://acme.example/f5/api"), "https://acme.example/f5/api");
    EXPECT_EQ(account_url("HTTPS://Acme.Example:8443/F5/api//"), "https://acme.example:8443/F5/api");
    EXPECT_EQ(account_url("https://ACME.example"), "https://acme.example");
    EXPECT_EQ(account_url("https://[::FFFF]/"), "https://[::ffff]");
    EXPECT_NE(account_url("https://acme.example/f5/API"), account_url("https://acme.example/f5/api"));
    EXPECT_EQ(account_url(""), "");
}

} // namespace
