#pragma once
// Adding the unique constraint on (crew_call_id, technician_id).

#include "pg/server/statement.hpp"

#include <string>

namespace pg {

/// Adds the constraint to flex_crew_assignments in `schema` unless an index that ON CONFLICT can use exists; gives its
/// name. Readers go on while the index is built. Throws 42501 where the caller does not own the relation, 23505 while
/// there are duplicates, 55000 where the name is taken or a deferrable constraint is in the way; the server's errors
/// pass.
std::string protect(Statements &statements, const std::string &schema, Oid assignments);

} // namespace pg
