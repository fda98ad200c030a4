#include "pg/crew/sync_row.hpp"

#include "pg/server/encoding.hpp"
#include "pg/server/json.hpp"

namespace pg {

RowValues values_of(const SyncRow &row)
{
    const core::Counts &counts = row.counts;
    return {{"run_id", row.run_id ? std::optional(std::to_string(*row.run_id)) : std::nullopt},
            {"crew_call_id", row.call_id.empty() ? std::nullopt : std::optional(row.call_id)},
            {"status", row.status},
            {"desired", std::to_string(counts.desired)},
            {"kept", std::to_string(counts.kept)},
            {"adopted", std::to_string(counts.adopted)},
            {"added", std::to_string(counts.added)},
            {"removed", std::to_string(counts.removed)},
            {"stale", std::to_string(counts.stale)},
            {"pruned", std::to_string(counts.pruned)},
            {"roles_set", std::to_string(counts.roles_set)},
            {"skipped", std::to_string(counts.skipped)},
            {"failed", std::to_string(counts.failed)},
            {"passes", std::to_string(row.passes)},
            {"http_requests", std::to_string(row.http_requests)},
            {"duration_ms", std::to_string(row.duration_ms)},
            {"message", row.message},
            {"diagnostics", row.diagnostics},
            {"retained", std::to_string(counts.retained)}};
}

std::string diagnostics_json(const core::SyncResult &result)
{
    JsonWriter json;
    json.begin_array();
    for (const core::Diagnostic &diagnostic : result.diagnostics) {
        json.begin_object();
        json.text("action", diagnostic.action);
        json.text("code", diagnostic.code);
        json.text("message", storable(diagnostic.message));
        json.optional_text("technician_id", diagnostic.technician);
        json.optional_text("flex_resource_id", diagnostic.resource);
        json.optional_text("flex_line_item_id", diagnostic.line);
        if (diagnostic.http_status)
            json.number("http_status", std::int64_t{*diagnostic.http_status});
        json.end_object();
    }
    json.end_array();
    return std::string(json.view());
}

} // namespace pg
