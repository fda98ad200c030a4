#pragma once
// The answer to a listing: JSON to lines, or the reason why it tells nothing.

#include "core/crew.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace flex {

/// The most lines of an element that is believed: no crew has as many.
constexpr std::size_t max_lines = 100'000;

/// A decoded listing. If there is an error, there are no lines: half a listing tells nothing.
struct DecodedListing {
    std::vector<core::Line> lines;
    std::size_t roots = 0;                 ///< how many of them are nested in none
    std::optional<std::string> error = {}; ///< why the listing is void, as the end of a sentence
    bool is_too_long = false;              ///< `error` says that there are more than `max_lines`
};

/// Decodes a listing, nested rows after the row that they belong to. Void (flex-api, "List the contacts"; design, "A
/// listing is void") is what is not a JSON array, holds a null, a row without an id or one id twice, or a contact or
/// untyped line whose identities or types disagree or have a shape that is not known; and one of too many lines.
///
/// `check` is called every few thousand values; what it throws passes.
DecodedListing decode_listing(std::string body, const std::function<void()> &check = {});

} // namespace flex
