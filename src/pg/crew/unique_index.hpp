#pragma once
// The unique index on (crew_call_id, technician_id) of flex_crew_assignments, without which nothing is written.

#include <array>
#include <optional>
#include <string>

#include "pg/server/wall.hpp"

namespace pg {

/// The name that we give to the constraint.
constexpr const char *unique_key_name = "flex_crew_assignments_crew_call_technician_key";

/// Its columns.
inline constexpr std::array unique_key_columns{"crew_call_id", "technician_id"};

/// The unique index on the relation that ON CONFLICT (crew_call_id, technician_id) can use, under any name: valid,
/// immediate, of all rows, on just these columns. None where a deferrable one is on them too.
std::optional<std::string> find_unique_index(Oid assignments);

/// One on these columns that is deferrable: ON CONFLICT trips over it, even where another one would do.
std::optional<std::string> find_deferrable_index(Oid assignments);

/// The statement that makes such an index without holding up writers.
std::string concurrent_index_statement(const std::string &schema);

} // namespace pg
