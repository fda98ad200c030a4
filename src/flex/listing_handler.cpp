#include "flex/listing_handler.hpp"

#include "flex/listing.hpp"

#include <array>
#include <strings.h>

namespace flex {

namespace {

constexpr std::size_t max_depth = 64;
constexpr std::uint64_t values_between_checks = 4096;
constexpr const char *unknown_children = "it holds nested rows of an unknown shape";

bool is_contact(std::string_view type)
{
    constexpr std::string_view contact = "contact";
    return type.size() == contact.size() && strncasecmp(type.data(), contact.data(), contact.size()) == 0;
}

} // namespace

/// Hears interrupts now and then.
void ListingHandler::breathe()
{
    if (++values_ % values_between_checks == 0 && check_)
        check_();
}

bool ListingHandler::fail(std::string why)
{
    error_ = std::move(why);
    return false;
}

void ListingHandler::note_oddity(std::string why)
{
    if (!rows_.empty() && rows_.back().oddity.empty())
        rows_.back().oddity = std::move(why);
}

bool ListingHandler::Null()
{
    // A field that is null is a field that is absent; a row that is null is a listing that is broken.
    if (place() == Place::Rows)
        return fail("it holds a null where a row should be");
    return place() == Place::Top ? fail("it is not a JSON array") : true;
}

/// A number or a boolean: never the value of a field that we read.
bool ListingHandler::scalar()
{
    breathe();
    switch (place()) {
    case Place::Top:
        return fail("it is not a JSON array");
    case Place::Rows:
        return fail("it holds a value that is not a row");
    case Place::Skipped:
        return true;
    case Place::Row:
    case Place::Resource:
    case Place::Role:
        break;
    }
    if (fields_.back() == Field::Id)
        return fail("it holds a row whose id is not text");
    if (fields_.back() == Field::Children)
        return fail(unknown_children); // contacts may hide in them, whatever the type of the row
    if (fields_.back() != Field::None && fields_.back() != Field::Name)
        note_oddity("has a field of an unknown shape");
    return true;
}

bool ListingHandler::String(const char *text, json::SizeType length, bool)
{
    breathe();
    const std::string_view value(text, length);
    if (const char *what = why_not_storable(value))
        return fail(std::string("it holds ") + what);
    if (place() == Place::Top || place() == Place::Rows)
        return scalar();
    return place() == Place::Skipped || take(rows_.back(), value);
}

template <class Id> void ListingHandler::set(std::optional<Id> &value, std::string_view text, const char *what)
{
    if (text.empty())
        return;
    if (text.size() > core::max_id_bytes)
        return note_oddity("has an id longer than 200 bytes");
    const Id id(text);
    if (value && *value != id)
        note_oddity(std::string("shows two ").append(what).append(" that disagree"));
    else if (!value)
        value = id;
}

bool ListingHandler::take(Row &row, std::string_view text)
{
    switch (fields_.back()) {
    case Field::Id:
        if (text.size() > core::max_id_bytes)
            return fail("it holds a row whose id is longer than 200 bytes");
        set(row.id, text, "ids");
        break;
    case Field::ResourceId:
        set(row.resource, text, "resources");
        break;
    case Field::LineItemType:
    case Field::Type:
        if (row.type && is_contact(*row.type) != is_contact(text) && !text.empty())
            note_oddity("shows two types that disagree");
        if (!text.empty() && (!row.type || is_contact(text)))
            row.type = text;
        break;
    case Field::Role:
        set(row.role, text, "business roles");
        break;
    case Field::InnerId:
    case Field::InnerOther:
        if (place() == Place::Resource)
            set(row.resource, text, "resources");
        else
            set(row.role, text, "business roles");
        break;
    case Field::Name:
        row.name = text;
        break;
    case Field::Children:
        return fail(unknown_children);
    case Field::Resource:
        note_oddity("has a field of an unknown shape");
        break;
    case Field::None:
        break;
    }
    return true;
}

bool ListingHandler::Key(const char *text, json::SizeType length, bool)
{
    struct Name {
        std::string_view key;
        Field field;
    };
    static constexpr std::array row_fields{
        Name{"id", Field::Id},
        Name{"resourceId", Field::ResourceId},
        Name{"resource", Field::Resource},
        Name{"managedResourceLineItemType", Field::LineItemType},
        Name{"type", Field::Type},
        Name{"business-role", Field::Role},
        Name{"name", Field::Name},
        Name{"children", Field::Children},
    };
    const std::string_view key(text, length);
    Field field = Field::None;
    if (place() == Place::Row) {
        for (const Name &name : row_fields)
            if (name.key == key)
                field = name.field;
    } else if (place() == Place::Resource) {
        field = key == "id" ? Field::InnerId : key == "resourceId" ? Field::InnerOther : Field::None;
    } else if (place() == Place::Role) {
        field = key == "id" ? Field::InnerId : key == "data" ? Field::InnerOther : Field::None;
    }
    fields_.back() = field;
    return true;
}

bool ListingHandler::StartObject()
{
    breathe();
    if (places_.size() > max_depth)
        return fail("it is nested too deeply");
    Place next = Place::Skipped;
    switch (place()) {
    case Place::Top:
        return fail("it is not a JSON array");
    case Place::Rows:
        if (lines_.size() == max_lines) {
            is_too_long_ = true;
            return fail("it holds more than 100,000 lines");
        }
        next = Place::Row;
        roots_ += rows_.empty();
        rows_.push_back({.slot = lines_.size()});
        lines_.push_back({.id = core::LineItemId(core::Uuid{}), .resource = {}, .role = {}, .name = {}});
        break;
    case Place::Row:
        if (fields_.back() == Field::Resource)
            next = Place::Resource;
        else if (fields_.back() == Field::Role)
            next = Place::Role;
        else if (!scalar())
            return false;
        break;
    case Place::Resource:
    case Place::Role:
        if (!scalar())
            return false;
        break;
    case Place::Skipped:
        break;
    }
    places_.push_back(next);
    fields_.push_back(Field::None);
    return true;
}

bool ListingHandler::EndObject(json::SizeType)
{
    const bool is_row = place() == Place::Row;
    places_.pop_back();
    fields_.pop_back();
    if (!is_row)
        return true;
    Row row = std::move(rows_.back());
    rows_.pop_back();
    return close(std::move(row));
}

bool ListingHandler::StartArray()
{
    breathe();
    if (places_.size() > max_depth)
        return fail("it is nested too deeply");
    Place next = Place::Skipped;
    if (place() == Place::Top || (place() == Place::Row && fields_.back() == Field::Children))
        next = Place::Rows;
    else if (place() != Place::Skipped && !scalar())
        return false;
    places_.push_back(next);
    fields_.push_back(Field::None);
    return true;
}

bool ListingHandler::EndArray(json::SizeType)
{
    places_.pop_back();
    fields_.pop_back();
    return true;
}

bool ListingHandler::close(Row row)
{
    if (!row.id)
        return fail("it holds a row without an id");
    core::Line &line = lines_[row.slot];
    line.id = *row.id;
    line.kind = !row.type               ? core::LineKind::Untyped
                : is_contact(*row.type) ? core::LineKind::Contact
                                        : core::LineKind::Other;
    if (line.kind != core::LineKind::Other && !row.oddity.empty())
        return fail("line \"" + row.id->text() + "\" " + row.oddity);
    line.resource = std::move(row.resource);
    line.role = std::move(row.role);
    line.name = std::move(row.name);
    if (line.kind == core::LineKind::Other)
        line.type = *std::move(row.type);
    return true;
}

} // namespace flex
