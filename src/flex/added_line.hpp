#pragma once
// The answer to an add: where the new line's id may stand.

#include "core/ids.hpp"

#include <optional>
#include <string_view>

namespace flex {

/// The new line's id, from the first of the places where it is known to stand (flex-api, "Add a contact"); none if the
/// answer shows none, or is not JSON.
std::optional<core::LineItemId> decode_added_line(std::string_view body);

} // namespace flex
