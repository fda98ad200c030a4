#pragma once
// The unique constraint on (crew_call_id, technician_id), and what keeps it from being made.

#include "pg/statement.hpp"

#include <optional>
#include <string>

namespace pg {

/// The name that we give to the constraint.
constexpr const char *unique_key_name = "flex_crew_assignments_crew_call_technician_key";

/// The unique index on the relation that ON CONFLICT (crew_call_id, technician_id) can use, under whatever name: valid,
/// immediate, of all rows, on just these columns.
std::optional<std::string> find_unique_index(Oid assignments);

/// Adds the constraint unless such an index exists; gives its name. `relation` is quoted. Readers go on while the index
/// is built. Throws 23505 while there are duplicates; the server's errors pass.
std::string protect(Statements &statements, const std::string &relation, Oid assignments);

} // namespace pg
