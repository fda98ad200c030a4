#pragma once
// The SAX handler behind decode_listing: rows become lines as they close, with no tree in between.

#include "core/crew.hpp"
#include "flex/json.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flex {

/// Called by RapidJSON's reader. Every event answers whether to go on; `error` says why not.
class ListingHandler {
public:
    /// `check`, which may be empty, must outlive the handler; what it throws passes through the reader.
    explicit ListingHandler(const std::function<void()> &check) : check_(check) {}

    bool Null();
    bool Bool(bool) { return scalar(); }
    bool Int(int) { return scalar(); }
    bool Uint(unsigned) { return scalar(); }
    bool Int64(std::int64_t) { return scalar(); }
    bool Uint64(std::uint64_t) { return scalar(); }
    bool Double(double) { return scalar(); }
    bool RawNumber(const char *, json::SizeType, bool) { return scalar(); }
    bool String(const char *text, json::SizeType length, bool);
    bool Key(const char *text, json::SizeType length, bool);
    bool StartObject();
    bool EndObject(json::SizeType);
    bool StartArray();
    bool EndArray(json::SizeType);

    std::vector<core::Line> take_lines() { return std::move(lines_); }
    std::size_t roots() const { return roots_; }
    bool is_too_long() const { return is_too_long_; }
    const std::string &error() const { return error_; }

private:
    /// Where the reader is: before the list, in a list of rows, in a row, in one of a row's objects, or in what is
    /// skipped.
    enum class Place { Top, Rows, Row, Resource, Role, Skipped };

    enum class Field { Id, ResourceId, Resource, LineItemType, Type, Role, Name, Children, InnerId, InnerOther, None };

    /// A row that is still open.
    struct Row {
        std::size_t slot; ///< its place among the lines
        std::optional<core::LineItemId> id = {};
        std::optional<core::ResourceId> resource = {};
        std::optional<std::string> type = {};
        std::optional<core::BusinessRoleId> role = {};
        std::string name = {};
        std::string oddity = {}; ///< why the row means nothing, if it may be a contact
    };

    void breathe();
    bool scalar();
    bool fail(std::string why);
    bool take(Row &row, std::string_view text);
    template <class Id> void set(std::optional<Id> &value, std::string_view text, const char *what);
    void note_oddity(std::string why);
    bool close(Row row);
    Place place() const { return places_.back(); }

    std::vector<Place> places_{Place::Top};
    std::vector<Field> fields_{Field::None}; ///< beside `places_`: the key whose value comes next
    std::vector<Row> rows_;
    std::vector<core::Line> lines_;
    std::size_t roots_ = 0;
    std::string error_;
    bool is_too_long_ = false;
    std::uint64_t values_ = 0;
    const std::function<void()> &check_;
};

} // namespace flex
