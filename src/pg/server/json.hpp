#pragma once
// Values on their way into a statement: written as JSON, taken apart there by jsonb_to_recordset.

#include "flex/json.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pg {

/// Writes one JSON document. Absent values are left out, as jsonb_to_recordset takes them for NULL.
class JsonWriter {
public:
    void begin_array() { writer_.StartArray(); }
    void end_array() { writer_.EndArray(); }
    void begin_object() { writer_.StartObject(); }
    void end_object() { writer_.EndObject(); }
    void begin_object(std::string_view name)
    {
        key(name);
        begin_object();
    }

    void value(std::string_view text) { writer_.String(text.data(), static_cast<flex::json::SizeType>(text.size())); }

    void text(std::string_view name, std::string_view value)
    {
        key(name);
        writer_.String(value.data(), static_cast<flex::json::SizeType>(value.size()));
    }
    void optional_text(std::string_view name, const std::optional<std::string> &value)
    {
        if (value)
            text(name, *value);
    }
    template <class Id> void id(std::string_view name, const std::optional<Id> &value)
    {
        if (value)
            text(name, value->text());
    }
    void number(std::string_view name, std::int64_t value)
    {
        key(name);
        writer_.Int64(value);
    }
    void number(std::string_view name, double value)
    {
        key(name);
        writer_.Double(value);
    }
    void boolean(std::string_view name, bool value)
    {
        key(name);
        writer_.Bool(value);
    }

    std::string_view view() const { return {buffer_.GetString(), buffer_.GetSize()}; }

private:
    void key(std::string_view name) { writer_.Key(name.data(), static_cast<flex::json::SizeType>(name.size())); }

    flex::json::StringBuffer buffer_;
    flex::json::Writer<flex::json::StringBuffer> writer_{buffer_};
};

} // namespace pg
