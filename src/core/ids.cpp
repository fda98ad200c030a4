#include "core/ids.hpp"

#include <cstring>

namespace core {

namespace {

constexpr std::size_t uuid_size = 36;
constexpr std::array hyphens{8, 13, 18, 23};

// Where the two digits of each byte stand.
constexpr std::array byte_places{0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34};

// Beside the value of a digit: it is a capital letter, or none.
constexpr std::uint8_t capital = 0x10;
constexpr std::uint8_t no_digit = 0x20;

/// What each character counts as a hexadecimal digit.
constexpr std::array<std::uint8_t, 256> digit_of = [] {
    std::array<std::uint8_t, 256> values{};
    values.fill(no_digit);
    for (std::uint8_t i = 0; i < 10; ++i)
        values['0' + i] = i;
    for (std::uint8_t i = 10; i < 16; ++i) {
        values['a' + i - 10] = i;
        values['A' + i - 10] = i | capital;
    }
    return values;
}();

/// Reads a UUID. Of what its digits are, all bits: it is one if `no_digit` is not among them.
std::uint8_t read_uuid(std::string_view text, Uuid &uuid)
{
    if (text.size() != uuid_size)
        return no_digit;
    std::uint8_t seen = 0;
    for (const int place : hyphens)
        seen |= text[place] == '-' ? 0 : no_digit;
    for (std::size_t i = 0; i < uuid.size(); ++i) {
        const std::uint8_t high = digit_of[static_cast<unsigned char>(text[byte_places[i]])];
        const std::uint8_t low = digit_of[static_cast<unsigned char>(text[byte_places[i] + 1])];
        seen |= high | low;
        uuid[i] = static_cast<std::uint8_t>(high << 4 | (low & 0xF));
    }
    return seen;
}

std::string text_of(const Uuid &uuid)
{
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text(uuid_size, '-');
    for (std::size_t i = 0; i < uuid.size(); ++i) {
        text[byte_places[i]] = digits[uuid[i] >> 4];
        text[byte_places[i] + 1] = digits[uuid[i] & 0xF];
    }
    return text;
}

} // namespace

std::optional<Uuid> uuid_of(std::string_view text)
{
    Uuid uuid;
    return read_uuid(text, uuid) & no_digit ? std::nullopt : std::optional(uuid);
}

bool is_uuid(std::string_view text)
{
    return uuid_of(text).has_value();
}

std::string canonical_id(std::string_view text)
{
    return IdText(text).canonical();
}

bool same_id(std::string_view a, std::string_view b)
{
    return IdText(a) == IdText(b);
}

IdText::IdText(std::string_view text)
{
    Uuid uuid;
    const std::uint8_t seen = read_uuid(text, uuid);
    if (seen & (capital | no_digit))
        value_ = std::make_shared<const Spelling>(
            Spelling{std::string(text), seen & no_digit ? std::nullopt : std::optional(uuid)});
    else
        value_ = uuid;
}

std::string IdText::text() const
{
    const Uuid *const uuid = std::get_if<Uuid>(&value_);
    return uuid ? text_of(*uuid) : spelling().text;
}

std::string IdText::canonical() const
{
    const Uuid *const uuid = this->uuid();
    return uuid ? text_of(*uuid) : spelling().text;
}

bool IdText::empty() const
{
    return !uuid() && spelling().text.empty();
}

std::strong_ordering operator<=>(const IdText &a, const IdText &b)
{
    const Uuid *const a_uuid = a.uuid();
    const Uuid *const b_uuid = b.uuid();
    if (a_uuid && b_uuid)
        return std::memcmp(a_uuid, b_uuid, sizeof(Uuid)) <=> 0;
    if (a_uuid || b_uuid)
        return !a_uuid <=> !b_uuid;
    return a.spelling().text <=> b.spelling().text;
}

std::size_t IdText::hash() const noexcept
{
    const Uuid *const uuid = this->uuid();
    if (!uuid)
        return std::hash<std::string>()(spelling().text);
    // Many UUIDs differ in one half only, and then in a few digits of it.
    std::array<std::uint64_t, 2> halves;
    std::memcpy(halves.data(), uuid->data(), sizeof halves);
    const std::uint64_t hash = (halves[0] ^ (halves[1] >> 29) ^ (halves[1] << 35)) * 0x9E3779B97F4A7C15;
    return hash ^ (hash >> 32);
}

} // namespace core
