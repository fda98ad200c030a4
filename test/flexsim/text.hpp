#pragma once
// Small text work: percent-encoding, forms, and the spelling of ids.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flexsim {

using Form = std::vector<std::pair<std::string, std::string>>;

/// Decodes %XX; a malformed escape stays as it is.
std::string percent_decode(std::string_view text);

/// Decodes name=value&name=value, as in a query or a form body ('+' is a space).
Form parse_form(std::string_view text);

/// The first value of `name`, or `fallback`.
std::string form_value(const Form &form, std::string_view name, std::string_view fallback = "");

/// Splits at every `separator`; a separator at the very end adds no empty part.
std::vector<std::string> split(std::string_view text, char separator);

std::string to_lower(std::string text);
std::string to_upper(std::string text);

bool is_uuid(std::string_view text);

/// The spelling under which an id is looked up: UUIDs in lower case, other ids as they are.
std::string canonical_id(const std::string &id);

/// A new random UUID (version 4). Callable from any thread.
std::string new_uuid();

/// The bytes that pairs of hexadecimal digits stand for. Throws BadRequest.
std::string from_hex(std::string_view digits);

} // namespace flexsim
