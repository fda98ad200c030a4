#include "settings.hpp"

namespace flexsim {

namespace {

const Names<BulkDelete> bulk_deletes = {
    {"refuse", BulkDelete::Refuse}, {"act", BulkDelete::Act}, {"ignore", BulkDelete::Ignore}};

void set_latencies(Settings &settings, const Json &value)
{
    if (!value.IsObject())
        throw BadRequest("an object of kinds of call is wanted");
    settings.latency_by_kind_ms.clear();
    for (const auto &member : value.GetObject())
        settings.latency_by_kind_ms[as_enum(kind_names(), member.name)] = as_int(member.value);
}

const Setters<Settings> setters = {
    {"latency_ms", [](Settings &s, const Json &value) { s.latency_ms = as_int(value); }},
    {"latency_by_kind_ms", set_latencies},
    {"shape", [](Settings &s, const Json &value) { read_shape(s.shape, value); }},
    {"bulk_delete", [](Settings &s, const Json &value) { s.bulk_delete = as_enum(bulk_deletes, value); }},
    {"bulk_delete_parameter", [](Settings &s, const Json &value) { s.bulk_delete_parameter = as_text(value); }},
    {"listing_lag_ms", [](Settings &s, const Json &value) { s.listing_lag_ms = as_int(value); }},
    {"hide_adds", [](Settings &s, const Json &value) { s.hide_adds = as_bool(value); }},
    {"listing_headers", [](Settings &s, const Json &value) { s.listing_headers = as_headers(value); }},
    {"compress", [](Settings &s, const Json &value) { s.compress = as_bool(value); }},
};

void put_latencies(JsonWriter &writer, const std::map<Kind, int> &latencies)
{
    writer.Key("latency_by_kind_ms");
    writer.StartObject();
    for (const auto &[kind, latency] : latencies)
        put(writer, name_of(kind).data(), latency);
    writer.EndObject();
}

void put_headers(JsonWriter &writer, const Headers &headers)
{
    writer.Key("listing_headers");
    writer.StartObject();
    for (const auto &[name, value] : headers)
        put(writer, name.c_str(), value);
    writer.EndObject();
}

} // namespace

int Settings::latency_of(Kind kind) const
{
    const auto found = latency_by_kind_ms.find(kind);
    return found == latency_by_kind_ms.end() ? latency_ms : found->second;
}

void read_settings(Settings &settings, const Json &object)
{
    read_members(settings, object, setters);
}

void write_settings(JsonWriter &writer, const Settings &settings)
{
    writer.StartObject();
    put(writer, "latency_ms", settings.latency_ms);
    put_latencies(writer, settings.latency_by_kind_ms);
    writer.Key("shape");
    write_shape(writer, settings.shape);
    put(writer, "bulk_delete", name_of(bulk_deletes, settings.bulk_delete));
    put(writer, "bulk_delete_parameter", settings.bulk_delete_parameter);
    put(writer, "listing_lag_ms", settings.listing_lag_ms);
    put(writer, "hide_adds", settings.hide_adds);
    put_headers(writer, settings.listing_headers);
    put(writer, "compress", settings.compress);
    writer.EndObject();
}

} // namespace flexsim
