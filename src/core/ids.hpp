#pragma once
// The ids that Postgres and Flex use: opaque text that compares as a UUID where it is one.

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace core {

/// True if the text has the form of a UUID: 8-4-4-4-12 hexadecimal digits in any letter case.
bool is_uuid(std::string_view text);

/// The form in which ids are compared, hashed and remembered: a UUID in lower case (as a `uuid` column prints it,
/// whatever Flex writes), any other text as it is.
std::string canonical_id(std::string_view text);

/// True if both texts have the same canonical form.
bool same_id(std::string_view a, std::string_view b);

/// Equal for texts of the same canonical form.
std::size_t hash_id(std::string_view text);

/// An id of one kind. It keeps the spelling that it came with, since requests use Flex's own, and compares in canonical
/// form.
template <class Kind> class Id {
public:
    explicit Id(std::string text) : text_(std::move(text)) {}

    const std::string &text() const { return text_; }

    friend bool operator==(const Id &a, const Id &b) { return same_id(a.text_, b.text_); }

private:
    std::string text_;
};

using CrewCallId = Id<struct CrewCallKind>;
using TechnicianId = Id<struct TechnicianKind>;
using ElementId = Id<struct ElementKind>;
using LineItemId = Id<struct LineItemKind>;
using ResourceId = Id<struct ResourceKind>;
using BusinessRoleId = Id<struct BusinessRoleKind>;

} // namespace core

/// Not noexcept: libstdc++ keeps the hash beside each element then, rather than hash the ids of a bucket again and
/// again.
template <class Kind> struct std::hash<core::Id<Kind>> {
    std::size_t operator()(const core::Id<Kind> &id) const { return core::hash_id(id.text()); }
};
