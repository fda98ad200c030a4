#pragma once
// The unique constraint on (crew_call_id, technician_id), and what keeps it from being made.

#include "pg/statement.hpp"

#include <array>
#include <optional>
#include <string>

namespace pg {

/// The name that we give to the constraint.
constexpr const char *unique_key_name = "flex_crew_assignments_crew_call_technician_key";

/// Its columns.
inline constexpr std::array unique_key_columns{"crew_call_id", "technician_id"};

/// The unique index on the relation that ON CONFLICT (crew_call_id, technician_id) can use, under whatever name: valid,
/// immediate, of all rows, on just these columns. None where a deferrable one is on them too: ON CONFLICT trips over
/// it.
std::optional<std::string> find_unique_index(Oid assignments);

/// Adds the constraint to flex_crew_assignments in `schema` unless such an index exists; gives its name. Readers go on
/// while the index is built. Throws 42501 where the caller does not own the relation, 23505 while there are duplicates,
/// 55000 where the name is taken or a deferrable constraint is in the way; the server's errors pass.
std::string protect(Statements &statements, const std::string &schema, Oid assignments);

/// The statement that makes such an index without holding up writers.
std::string concurrent_index_statement(const std::string &schema);

} // namespace pg
