#include "flex/listing.hpp"

#include "flex/listing_handler.hpp"

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

} // namespace

DecodedListing decode_listing(std::string_view body)
{
    ListingHandler handler;
    json::MemoryStream stream(body.data(), body.size());
    json::Reader reader;
    const json::ParseResult result = reader.Parse<parse_flags>(stream, handler);
    if (!handler.error().empty())
        return {.lines = {}, .error = handler.error()};
    if (result.IsError())
        return {.lines = {}, .error = "it is not valid JSON (at byte " + std::to_string(result.Offset()) + ")"};
    // The reader takes a byte 0 for the end.
    if (stream.Tell() != body.size())
        return {.lines = {}, .error = "it is not valid JSON (at byte " + std::to_string(stream.Tell()) + ")"};
    DecodedListing listing{.lines = handler.take_lines()};
    if (const std::optional<std::string> id = id_listed_twice(listing.lines))
        return {.lines = {}, .error = "it holds line \"" + *id + "\" twice"};
    return listing;
}

} // namespace flex
