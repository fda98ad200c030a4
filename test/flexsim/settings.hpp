#pragma once
// What the control interface configures, and the state that all requests share.

#include <map>
#include <mutex>
#include <set>
#include <string>

#include "call.hpp"
#include "shape.hpp"
#include "store.hpp"

namespace flexsim {

enum class BulkDelete { Refuse, Act, Ignore };

struct Settings {
    int latency_ms = 0;
    std::map<Kind, int> latency_by_kind_ms; ///< Takes the place of latency_ms.
    Shape shape;
    BulkDelete bulk_delete = BulkDelete::Refuse;
    std::string bulk_delete_parameter = "lineItemIds";
    int listing_lag_ms = 0;
    bool hide_adds = false;
    Headers listing_headers;
    bool compress = false;

    int latency_of(Kind kind) const;
};

/// Changes the settings that the JSON object names. Throws BadRequest.
void read_settings(Settings &settings, const Json &object);

/// Writes the settings as an object that read_settings understands.
void write_settings(JsonWriter &writer, const Settings &settings);

/// Everything but log, faults and gate, under one mutex.
struct State {
    std::mutex mutex;
    Store store;
    Settings settings;
    std::set<std::string> tokens;
};

} // namespace flexsim
