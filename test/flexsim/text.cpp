#include "text.hpp"

#include <algorithm>
#include <cctype>
#include <random>

#include "json.hpp"

namespace flexsim {

namespace {

int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    const int lower = std::tolower(static_cast<unsigned char>(c));
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool is_escape(std::string_view text, std::size_t at)
{
    return text[at] == '%' && at + 2 < text.size() && hex_digit(text[at + 1]) >= 0 && hex_digit(text[at + 2]) >= 0;
}

char hex_byte(char high, char low)
{
    return static_cast<char>(hex_digit(high) * 16 + hex_digit(low));
}

std::string decode_form_part(std::string_view part)
{
    std::string text(part);
    std::replace(text.begin(), text.end(), '+', ' ');
    return percent_decode(text);
}

} // namespace

std::string percent_decode(std::string_view text)
{
    std::string decoded;
    decoded.reserve(text.size());
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (!is_escape(text, at)) {
            decoded += text[at];
            continue;
        }
        decoded += hex_byte(text[at + 1], text[at + 2]);
        at += 2;
    }
    return decoded;
}

Form parse_form(std::string_view text)
{
    Form form;
    for (const std::string &pair : split(text, '&')) {
        const std::size_t equals = std::min(pair.find('='), pair.size());
        const std::size_t value = std::min(equals + 1, pair.size());
        form.emplace_back(decode_form_part(pair.substr(0, equals)), decode_form_part(pair.substr(value)));
    }
    return form;
}

std::string form_value(const Form &form, std::string_view name, std::string_view fallback)
{
    for (const auto &[key, value] : form)
        if (key == name)
            return value;
    return std::string(fallback);
}

std::vector<std::string> split(std::string_view text, char separator)
{
    std::vector<std::string> parts;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(separator), text.size());
        parts.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

std::string to_lower(std::string text)
{
    for (char &c : text)
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

std::string to_upper(std::string text)
{
    for (char &c : text)
        c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return text;
}

bool is_uuid(std::string_view text)
{
    if (text.size() != 36)
        return false;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const bool is_dash = at == 8 || at == 13 || at == 18 || at == 23;
        if (is_dash ? text[at] != '-' : hex_digit(text[at]) < 0)
            return false;
    }
    return true;
}

std::string canonical_id(const std::string &id)
{
    return is_uuid(id) ? to_lower(id) : id;
}

std::string new_uuid()
{
    static constexpr char digits[] = "0123456789abcdef";
    static constexpr char variants[] = "89ab";
    thread_local std::mt19937_64 random{std::random_device{}()};
    std::string uuid = "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx";
    for (char &c : uuid) {
        if (c == 'x')
            c = digits[random() % 16];
        if (c == 'y')
            c = variants[random() % 4];
    }
    return uuid;
}

std::string from_hex(std::string_view digits)
{
    if (digits.size() % 2 != 0)
        throw BadRequest("an even number of hexadecimal digits is wanted");
    std::string bytes;
    for (std::size_t at = 0; at < digits.size(); at += 2) {
        if (hex_digit(digits[at]) < 0 || hex_digit(digits[at + 1]) < 0)
            throw BadRequest("not a hexadecimal digit");
        bytes += hex_byte(digits[at], digits[at + 1]);
    }
    return bytes;
}

} // namespace flexsim
