#include "core/resource_text.hpp"

#include <algorithm>

namespace core {

namespace {

constexpr std::string_view no_break_space = "\xC2\xA0";

bool is_blank_or_control(char c)
{
    const auto byte = static_cast<unsigned char>(c);
    return byte <= 0x20 || byte == 0x7F;
}

std::string_view without_blank_ends(std::string_view text)
{
    for (;;) {
        if (text.empty())
            return text;
        if (is_blank_or_control(text.front()))
            text.remove_prefix(1);
        else if (is_blank_or_control(text.back()))
            text.remove_suffix(1);
        else if (text.starts_with(no_break_space))
            text.remove_prefix(no_break_space.size());
        else if (text.ends_with(no_break_space))
            text.remove_suffix(no_break_space.size());
        else
            return text;
    }
}

} // namespace

bool is_malformed_resource(std::string_view text)
{
    const auto is_control = [](char c) { return is_blank_or_control(c) && c != ' '; };
    return without_blank_ends(text).size() != text.size() || std::any_of(text.begin(), text.end(), is_control);
}

std::string trimmed_resource(std::string_view text)
{
    return std::string(without_blank_ends(text));
}

} // namespace core
