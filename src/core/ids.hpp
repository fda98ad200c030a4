#pragma once
// The ids that Postgres and Flex use: opaque text that compares as a UUID where it is one.

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace core {

/// The 16 bytes of a UUID, first digit first, as Postgres keeps them.
using Uuid = std::array<std::uint8_t, 16>;

/// The UUID that the text spells, if it has the form of one: 8-4-4-4-12 hexadecimal digits in any letter case.
std::optional<Uuid> uuid_of(std::string_view text);

bool is_uuid(std::string_view text);

/// The longest id that is believed to be one, in bytes. What Flex calls by a longer name no index of ours could hold.
constexpr std::size_t max_id_bytes = 200;

/// The form in which ids are compared, hashed and remembered: a UUID in lower case (as a `uuid` column prints it,
/// whatever Flex writes), any other text as it is.
std::string canonical_id(std::string_view text);

/// True if both texts have the same canonical form.
bool same_id(std::string_view a, std::string_view b);

/// An id's text, in the spelling that it came with. A UUID in lower case takes its 16 bytes; copies of any other text
/// share it.
class IdText {
public:
    explicit IdText(std::string_view text);
    explicit IdText(const Uuid &uuid) : value_(uuid) {}

    std::string text() const;
    std::string canonical() const;
    bool empty() const;
    bool is_uuid() const { return uuid() != nullptr; }

    /// In canonical form: UUIDs by their bytes, before all others, which compare letter by letter.
    friend bool operator==(const IdText &a, const IdText &b)
    {
        const Uuid *const a_uuid = a.uuid();
        const Uuid *const b_uuid = b.uuid();
        return a_uuid && b_uuid ? std::memcmp(a_uuid, b_uuid, sizeof(Uuid)) == 0 : (a <=> b) == 0;
    }
    friend std::strong_ordering operator<=>(const IdText &a, const IdText &b);

    /// Equal for ids that are equal.
    std::size_t hash() const noexcept;

private:
    struct Spelling {
        std::string text;
        std::optional<Uuid> uuid;
    };

    const Uuid *uuid() const
    {
        if (const Uuid *const uuid = std::get_if<Uuid>(&value_))
            return uuid;
        const std::optional<Uuid> &uuid = spelling().uuid;
        return uuid ? &*uuid : nullptr;
    }
    const Spelling &spelling() const { return **std::get_if<std::shared_ptr<const Spelling>>(&value_); }

    std::variant<Uuid, std::shared_ptr<const Spelling>> value_;
};

/// An id of one kind. It keeps the spelling that it came with, since requests use Flex's own, and compares in canonical
/// form.
template <class Kind> class Id {
public:
    explicit Id(std::string_view text) : text_(text) {}
    explicit Id(const Uuid &uuid) : text_(uuid) {}

    std::string text() const { return text_.text(); }
    std::string canonical() const { return text_.canonical(); }
    bool empty() const { return text_.empty(); }
    bool is_uuid() const { return text_.is_uuid(); }
    std::size_t hash() const noexcept { return text_.hash(); }

    friend bool operator==(const Id &, const Id &) = default;
    friend std::strong_ordering operator<=>(const Id &, const Id &) = default;

private:
    IdText text_;
};

using CrewCallId = Id<struct CrewCallKind>;
using TechnicianId = Id<struct TechnicianKind>;
using ElementId = Id<struct ElementKind>;
using LineItemId = Id<struct LineItemKind>;
using ResourceId = Id<struct ResourceKind>;
using BusinessRoleId = Id<struct BusinessRoleKind>;

} // namespace core

template <class Kind> struct std::hash<core::Id<Kind>> {
    std::size_t operator()(const core::Id<Kind> &id) const noexcept { return id.hash(); }
};
