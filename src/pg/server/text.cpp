#include "pg/server/text.hpp"

namespace pg {

std::string filled(std::string_view pattern,
                   std::initializer_list<std::pair<std::string_view, std::string_view>> replacements)
{
    std::string text(pattern);
    for (const auto &[mark, replacement] : replacements)
        for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at + replacement.size()))
            text.replace(at, mark.size(), replacement);
    return text;
}

std::string quoted_identifier(std::string_view name)
{
    std::string quoted = "\"";
    for (const char c : name) {
        if (c == '"')
            quoted += '"';
        quoted += c;
    }
    return quoted + '"';
}

} // namespace pg
