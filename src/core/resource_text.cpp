#include "core/resource_text.hpp"

#include "core/ids.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace core {

namespace {

struct Character {
    char32_t code;
    std::size_t bytes;
};

struct Range {
    char32_t first;
    char32_t last;
};

/// What Unicode calls white space, the control characters, and what shows as nothing at all (the byte order mark, and
/// the signs of zero width that come along when a text is copied).
constexpr std::array<Range, 9> blanks{{{0x00, 0x20},
                                       {0x7F, 0xA0},
                                       {0x1680, 0x1680},
                                       {0x2000, 0x200F},
                                       {0x2028, 0x2029},
                                       {0x202F, 0x202F},
                                       {0x205F, 0x2060},
                                       {0x3000, 0x3000},
                                       {0xFEFF, 0xFEFF}}};

bool is_blank(char32_t code)
{
    return std::any_of(blanks.begin(), blanks.end(),
                       [code](const Range &range) { return range.first <= code && code <= range.last; });
}

bool is_control(char32_t code)
{
    return code < 0x20 || (code >= 0x7F && code < 0xA0);
}

bool is_continuation(char c)
{
    return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

/// The first character of a text that is UTF-8 and not empty.
Character first_of(std::string_view text)
{
    const auto lead = static_cast<unsigned char>(text.front());
    std::size_t bytes = 1;
    while (bytes < text.size() && bytes < 4 && is_continuation(text[bytes]))
        ++bytes;
    char32_t code = bytes == 1 ? lead : lead & (0x7FU >> bytes);
    for (std::size_t i = 1; i < bytes; ++i)
        code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3FU);
    return {code, bytes};
}

Character last_of(std::string_view text)
{
    std::size_t at = text.size() - 1;
    while (at > 0 && text.size() - at < 4 && is_continuation(text[at]))
        --at;
    return first_of(text.substr(at));
}

std::string_view without_blank_ends(std::string_view text)
{
    while (!text.empty()) {
        const Character first = first_of(text);
        if (!is_blank(first.code))
            break;
        text.remove_prefix(first.bytes);
    }
    while (!text.empty()) {
        const Character last = last_of(text);
        if (!is_blank(last.code))
            break;
        text.remove_suffix(last.bytes);
    }
    return text;
}

bool has_control(std::string_view text)
{
    while (!text.empty()) {
        const Character first = first_of(text);
        if (is_control(first.code))
            return true;
        text.remove_prefix(first.bytes);
    }
    return false;
}

} // namespace

bool is_malformed_resource(std::string_view text)
{
    return text.size() > max_id_bytes || without_blank_ends(text).size() != text.size() || has_control(text);
}

std::string trimmed_resource(std::string_view text)
{
    return std::string(without_blank_ends(text));
}

} // namespace core
