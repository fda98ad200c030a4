#pragma once
// The crew relations: what must be there before a sync touches anything, and how statements name them.

#include <span>
#include <string>
#include <string_view>

#include "pg/server/wall.hpp"

namespace pg {

/// The crew relations in one schema, as far as statements depend on how the user made them.
struct CrewRelations {
    std::string schema;           ///< quoted
    bool element_is_uuid = false; ///< flex_crew_calls.flex_element_id is a uuid column (else text)
    std::string line_type = {};   ///< the type of flex_crew_assignments.flex_line_item_id, qualified

    std::string calls() const { return schema + ".flex_crew_calls"; }
    std::string assignments() const { return schema + ".flex_crew_assignments"; }
    std::string desired() const { return schema + ".flex_desired_crew"; }
    std::string due() const { return schema + ".flex_due_crew_calls"; }

    /// The statement with {calls}, {assignments}, {desired}, {due} and {line_type} in their places.
    std::string in(std::string_view sql) const;
};

/// What the caller is going to do with them.
enum class Access {
    Calls, ///< read the crew calls only
    Read,
    Write,
};

/// The columns that a relation which flex_sync_setup makes must have, by its name; none for any other name.
std::span<const char *const> columns_of(std::string_view relation);

/// Checks that the schema is there and the caller may use it. Throws as `check_relations` does.
void check_schema(const std::string &schema);

/// Checks one of the crew relations by its name: that it is there with all its columns, and that the caller may read
/// all of it. Throws as `check_relations` does.
void check_relation(const std::string &schema, const char *name);

/// Checks schema, relations, columns, the caller's privileges and row level security, and for writing the unique index
/// that ON CONFLICT needs. Throws 55000 or 42501, each with the way out.
CrewRelations check_relations(const std::string &schema, Access access);

/// The relation of the rows alone, for the functions that audit and mend it.
struct Assignments {
    Oid oid;
    std::string quoted;
};

/// Checks flex_due_crew_calls for reading. Throws as `check_relations` does.
void check_due_calls(const std::string &schema);

/// Throws 42501 unless the caller may insert, update and delete rows.
void check_write_privileges(const std::string &schema);

/// Throws 42501 unless the caller may delete rows.
void check_delete_privilege(const std::string &schema);

/// Checks it for reading, with all columns that the audit needs. Throws as `check_relations` does.
Assignments check_assignments(const std::string &schema);

} // namespace pg
