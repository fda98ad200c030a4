#pragma once
// What the fuzz targets share: a property that does not hold ends the run, as a crash would.

#include <cstdio>
#include <cstdlib>
#include <string_view>

/// libFuzzer calls it with each input.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size);

namespace fuzz {

inline std::string_view text_of(const unsigned char *data, std::size_t size)
{
    return {reinterpret_cast<const char *>(data), size};
}

inline void require(bool holds, const char *what)
{
    if (holds)
        return;
    std::fprintf(stderr, "does not hold: %s\n", what);
    std::abort();
}

/// True for text that Postgres can hold in UTF-8: no U+0000, no overlong form, no surrogate, nothing above U+10FFFF.
inline bool is_storable(std::string_view text)
{
    for (std::size_t i = 0; i < text.size();) {
        const auto byte = [&](std::size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u; };
        const unsigned first = byte(i);
        const std::size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
        if (first == 0 || (first >= 0x80 && first < 0xC2) || first > 0xF4)
            return false;
        for (std::size_t j = 1; j < length; ++j)
            if ((byte(i + j) & 0xC0) != 0x80)
                return false;
        const unsigned second = byte(i + 1);
        if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) || (first == 0xF0 && second < 0x90) ||
            (first == 0xF4 && second > 0x8F))
            return false;
        i += length;
    }
    return true;
}

} // namespace fuzz
