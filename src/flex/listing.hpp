#pragma once
// The answer to a listing: JSON to lines, or the reason why it tells nothing.

#include "core/crew.hpp"

#include <optional>
#include <string>
#include <vector>

namespace flex {

/// A decoded listing. If there is an error, there are no lines: half a listing tells nothing.
struct DecodedListing {
    std::vector<core::Line> lines;
    std::size_t roots = 0;                 ///< how many of them are nested in none
    std::optional<std::string> error = {}; ///< why the listing is void, as the end of a sentence
};

/// Decodes a listing, nested rows after the row that they belong to. Void (flex-api, "List the contacts"; design, "A
/// listing is void") is what is not a JSON array, holds a null, a row without an id or one id twice, or a contact or
/// untyped line whose identities or types disagree or have a shape that is not known.
DecodedListing decode_listing(std::string body);

} // namespace flex
