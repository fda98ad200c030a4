#pragma once
// Text as statements give and take it.

#include <charconv>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace pg {

/// The number that the text begins with; none if there is no text, or no number in it.
template <class Number> std::optional<Number> number_in(std::optional<std::string_view> text)
{
    Number number{};
    if (!text || std::from_chars(text->data(), text->data() + text->size(), number).ec != std::errc())
        return std::nullopt;
    return number;
}

/// A pattern with each of its marks, such as "{log}", replaced by what stands for it here.
std::string filled(std::string_view pattern,
                   std::initializer_list<std::pair<std::string_view, std::string_view>> replacements);

/// The name in double quotes, whatever it is.
std::string quoted_identifier(std::string_view name);

} // namespace pg
