#include "core/ids.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace core {

namespace {

// ASCII only, whatever the locale: a hexadecimal digit has no other letter case.
constexpr char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

constexpr bool is_hex_digit(char c)
{
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'f');
}

} // namespace

bool is_uuid(std::string_view text)
{
    if (text.size() != 36)
        return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool is_hyphen_place = i == 8 || i == 13 || i == 18 || i == 23;
        if (is_hyphen_place ? text[i] != '-' : !is_hex_digit(text[i]))
            return false;
    }
    return true;
}

std::string canonical_id(std::string_view text)
{
    std::string canonical(text);
    if (is_uuid(text))
        std::transform(canonical.begin(), canonical.end(), canonical.begin(), lower);
    return canonical;
}

bool same_id(std::string_view a, std::string_view b)
{
    if (a == b)
        return true;
    return a.size() == b.size() && is_uuid(a) && is_uuid(b) &&
           std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

std::size_t hash_id(std::string_view text)
{
    // FNV-1a by words of eight characters. The bit in which upper and lower case differ is set in all of them: equal
    // for spellings of one UUID, and cheap for any other text.
    constexpr std::uint64_t case_bits = 0x2020202020202020;
    std::uint64_t hash = 14695981039346656037ULL;
    const auto take = [&](std::size_t size) {
        std::uint64_t word = 0;
        std::memcpy(&word, text.data(), size);
        hash = (hash ^ (word | case_bits)) * 1099511628211ULL;
        hash ^= hash >> 32;
        text.remove_prefix(size);
    };
    while (text.size() >= sizeof(std::uint64_t))
        take(sizeof(std::uint64_t));
    if (!text.empty())
        take(text.size());
    return hash;
}

} // namespace core
