#pragma once
// Which texts cannot be a resource's id: those with white space at an end or a control character, or too long.

#include <string>
#include <string_view>

namespace core {

/// True if the text begins or ends with white space, holds a control character or is longer than an id of Flex's is
/// believed to be: a slip of somebody's keyboard, which Flex would refuse or, worse, take for another resource.
bool is_malformed_resource(std::string_view text);

/// The text without white space and control characters at its ends: what was probably meant.
std::string trimmed_resource(std::string_view text);

} // namespace core
