#include "pg/server/encoding.hpp"

#include "core/error.hpp"

#include <cstring>
#include <string_view>

#include "pg/server/server.hpp"

namespace pg {

namespace {

/// Our own messages are UTF-8, with one character in them that not every encoding has.
void replace_ellipses(char *text, std::size_t length) noexcept
{
    constexpr std::string_view ellipsis = "\xE2\x80\xA6";
    for (std::size_t at = 0; (at = std::string_view(text, length).find(ellipsis, at)) != std::string_view::npos;)
        std::memcpy(text + at, "...", ellipsis.size());
}

void make_storable(char *text, std::size_t length) noexcept
{
    if (!is_utf8())
        replace_ellipses(text, length);
    for (std::size_t at = 0; at < length;) {
        const int bytes = pg_encoding_verifymbchar(GetDatabaseEncoding(), text + at, static_cast<int>(length - at));
        if (bytes <= 0 || text[at] == '\0')
            text[at] = '?';
        at += bytes > 0 ? static_cast<std::size_t>(bytes) : 1;
    }
}

} // namespace

void check_encoding()
{
    if (!is_utf8())
        throw core::Error("0A000",
                          std::string("flex_sync does not work in a database whose encoding is ") + encoding_name(),
                          "Flex speaks UTF-8; in another encoding the same bytes would mean other ids.",
                          "Use a database whose encoding is UTF8: CREATE DATABASE crews ENCODING 'UTF8' TEMPLATE "
                          "template0.");
}

bool is_utf8()
{
    return GetDatabaseEncoding() == PG_UTF8;
}

const char *encoding_name()
{
    return GetDatabaseEncodingName();
}

std::string storable(std::string text)
{
    make_storable(text.data(), text.size());
    return text;
}

void make_storable(char *text) noexcept
{
    make_storable(text, std::strlen(text));
}

} // namespace pg
