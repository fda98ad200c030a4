#include "pg/dashboard/html.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace pg {

namespace {

constexpr char32_t replacement = 0xFFFD;

struct Decoded {
    char32_t character;
    std::size_t length;
};

/// How many bytes a character that begins so has; 0: none begins so.
std::size_t length_of(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xC2 && first < 0xE0)
        return 2;
    if (first >= 0xE0 && first < 0xF0)
        return 3;
    return first >= 0xF0 && first < 0xF5 ? 4 : 0;
}

/// The first character of a text that is not empty.
Decoded decode(std::string_view utf8)
{
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(utf8[i]); };
    const std::size_t length = length_of(byte(0));
    if (length == 0 || length > utf8.size())
        return {replacement, 1};
    constexpr std::array<unsigned char, 5> mask{0, 0x7F, 0x1F, 0x0F, 0x07};
    char32_t character = byte(0) & mask[length];
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0) != 0x80)
            return {replacement, 1};
        character = character << 6 | (byte(i) & 0x3F);
    }
    return {character, length};
}

/// What XML takes as a character.
bool is_text(char32_t c)
{
    return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c < 0x7F) || (c >= 0xA0 && c < 0xD800) ||
           (c > 0xDFFF && c < 0xFFFE) || (c > 0xFFFF && c < 0x110000);
}

bool needs_no_escape(char32_t c)
{
    return c < 0x7F && c != '<' && c != '>' && c != '&' && c != '"' && c != '\'';
}

} // namespace

std::string html(std::string_view utf8)
{
    std::string escaped;
    while (!utf8.empty()) {
        Decoded next = decode(utf8);
        if (!is_text(next.character))
            next.character = replacement;
        if (needs_no_escape(next.character))
            escaped += static_cast<char>(next.character);
        else
            escaped += "&#" + std::to_string(static_cast<std::uint32_t>(next.character)) + ";";
        utf8.remove_prefix(next.length);
    }
    return escaped;
}

std::string html_count(std::int64_t count)
{
    std::string text = std::to_string(count);
    for (std::size_t place = text.size(); place > 3; place -= 3)
        text.insert(place - 3, 1, ',');
    return text;
}

std::string html_decimal(double number, int decimals)
{
    std::array<char, 64> buffer;
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number, std::chars_format::fixed,
                                   std::abs(number) < 1e15 ? decimals : 0);
    std::string text(buffer.data(), end.ptr);
    if (text.find('.') != std::string::npos) {
        text.erase(text.find_last_not_of('0') + 1);
        if (text.back() == '.')
            text.pop_back();
    }
    return text;
}

std::string html_duration(double milliseconds)
{
    if (milliseconds < 999.5)
        return html_decimal(milliseconds, 0) + "&#160;ms";
    return html_decimal(milliseconds / 1000, milliseconds < 99950 ? 1 : 0) + "&#160;s";
}

std::string html_percent(double fraction)
{
    return html_decimal(fraction * 100, fraction < 0.1 ? 1 : 0) + "&#160;%";
}

} // namespace pg
