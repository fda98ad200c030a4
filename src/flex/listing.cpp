#include "flex/listing.hpp"

#include "flex/listing_handler.hpp"

#include <algorithm>
#include <unordered_set>

namespace flex {

namespace {

std::optional<std::string> id_listed_twice(const std::vector<core::Line> &lines)
{
    std::unordered_set<core::LineItemId> ids;
    ids.reserve(lines.size());
    for (const core::Line &line : lines)
        if (!ids.insert(line.id).second)
            return line.id.text();
    return std::nullopt;
}

/// Control characters that JSON forbids and RapidJSON, 16 bytes at once, takes for text.
constexpr bool is_overlooked(unsigned character)
{
    return character >= 0x1A && character <= 0x1F;
}

/// Bytes that are looked at together: so many that the compiler makes a few instructions of them.
constexpr std::size_t block = 64;

/// True if all bytes of the block are ASCII, and none of those.
bool is_plain(const char *text)
{
    unsigned char odd = 0;
    for (std::size_t i = 0; i < block; ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        const auto above = static_cast<unsigned char>(byte - 0x1A); // wraps around below it
        odd |= static_cast<unsigned char>((byte & 0x80) | (above <= 0x1F - 0x1A));
    }
    return odd == 0;
}

/// True for UTF-8 without those. RapidJSON can check it too, but takes as long for it as for all else.
bool is_text(std::string_view text)
{
    while (!text.empty()) {
        if (text.size() >= block && is_plain(text.data())) {
            text.remove_prefix(block);
            continue;
        }
        json::MemoryStream stream(text.data(), text.size());
        for (unsigned character; stream.Tell() < std::min(block, text.size());)
            if (!json::UTF8<>::Decode(stream, &character) || is_overlooked(character))
                return false;
        text.remove_prefix(stream.Tell());
    }
    return true;
}

} // namespace

DecodedListing decode_listing(std::string body, const std::function<void()> &check)
{
    if (!is_text(body))
        return {.lines = {}, .error = "it is not UTF-8, or holds a control character"};
    const std::size_t size = body.size();
    body.append(padding, '\0');
    ListingHandler handler(check);
    json::InsituStringStream stream(body.data());
    json::Reader reader;
    const json::ParseResult result = reader.Parse<parse_flags_in_place>(stream, handler);
    if (!handler.error().empty())
        return {.lines = {}, .error = handler.error(), .is_too_long = handler.is_too_long()};
    if (result.IsError())
        return {.lines = {}, .error = "it is not valid JSON (at byte " + std::to_string(result.Offset()) + ")"};
    // The reader takes a byte 0 for the end.
    if (stream.Tell() != size)
        return {.lines = {}, .error = "it is not valid JSON (at byte " + std::to_string(stream.Tell()) + ")"};
    DecodedListing listing{.lines = handler.take_lines(), .roots = handler.roots()};
    if (const std::optional<std::string> id = id_listed_twice(listing.lines))
        return {.lines = {}, .error = "it holds line \"" + *id + "\" twice"};
    return listing;
}

} // namespace flex
