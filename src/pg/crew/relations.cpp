#include "pg/crew/relations.hpp"

#include "core/error.hpp"
#include "pg/crew/catalog.hpp"
#include "pg/crew/unique_index.hpp"
#include "pg/server/statement.hpp"

#include <array>
#include <vector>

#include "pg/server/wall.hpp"

namespace pg {

using core::Error;

namespace {

constexpr const char *setup_hint =
    "Call flex_sync_setup(), which makes what is missing, or set the option \"crew_schema\" of the "
    "server.";

/// A relation and the columns of it that we use.
struct Relation {
    Oid oid;
    std::string schema;
    std::string name;         ///< qualified, for messages
    std::string written_name; ///< the same for statements
    std::vector<AttrNumber> columns;
};

Oid find_schema(const std::string &schema)
{
    const char *const text = schema.c_str();
    const Oid oid = call([&] { return get_namespace_oid(text, true); });
    if (!OidIsValid(oid))
        throw Error("55000", "schema \"" + schema + "\" of the crew relations does not exist", "",
                    "Create it with CREATE SCHEMA " + as_written(schema) +
                        ", or set the option \"crew_schema\" of the server.");
    if (call([&] { return namespace_aclcheck(oid, GetUserId()); }) != ACLCHECK_OK)
        throw Error("42501", "permission denied for schema " + schema, "",
                    "Grant it with GRANT USAGE ON SCHEMA " + as_written(schema) + " TO " + as_written(current_role()) +
                        ".");
    return oid;
}

struct RelationColumns {
    std::string_view relation;
    std::span<const char *const> columns;
};

constexpr std::array calls_columns{"id", "job_id", "department", "flex_element_id"};
constexpr std::array assignments_columns{"id", "created_at", "crew_call_id", "technician_id", "flex_line_item_id"};
constexpr std::array desired_columns{"crew_call_id", "technician_id", "flex_resource_id", "business_role_id"};
constexpr std::array due_columns{"crew_call_id"};
constexpr std::array business_roles_columns{"department", "role_suffix", "business_role_id"};

constexpr std::array<RelationColumns, 5> all_columns{{{"flex_crew_calls", calls_columns},
                                                      {"flex_crew_assignments", assignments_columns},
                                                      {"flex_desired_crew", desired_columns},
                                                      {"flex_due_crew_calls", due_columns},
                                                      {"flex_business_roles", business_roles_columns}}};

// A sync needs neither the id of a row nor its time.
constexpr std::span<const char *const> synced_columns = std::span(assignments_columns).subspan(2);

Relation find_relation(Oid schema_oid, const std::string &schema, const char *name,
                       std::span<const char *const> columns)
{
    Relation relation{.oid = call([&] { return get_relname_relid(name, schema_oid); }),
                      .schema = schema,
                      .name = schema + "." + name,
                      .written_name = as_written(schema) + "." + name,
                      .columns = {}};
    if (!OidIsValid(relation.oid))
        throw Error("55000", "crew relation \"" + relation.name + "\" does not exist", "", setup_hint);
    for (const char *column : columns) {
        const AttrNumber number = call([&] { return get_attnum(relation.oid, column); });
        if (number == InvalidAttrNumber)
            throw Error("55000", "crew relation \"" + relation.name + "\" has no column \"" + column + "\"", "",
                        "Add the column; a view must be created again with it.");
        relation.columns.push_back(number);
    }
    return relation;
}

/// The privilege on the whole relation, or else on each column that we use; of a row that exists we update the last
/// only, the line.
bool may(const Relation &relation, AclMode mode)
{
    const std::size_t first = mode == ACL_UPDATE ? relation.columns.size() - 1 : 0;
    return call([&] {
        if (pg_class_aclcheck(relation.oid, GetUserId(), mode) == ACLCHECK_OK)
            return true;
        if (mode == ACL_DELETE)
            return false;
        for (std::size_t i = first; i < relation.columns.size(); ++i)
            if (pg_attribute_aclcheck(relation.oid, relation.columns[i], GetUserId(), mode) != ACLCHECK_OK)
                return false;
        return true;
    });
}

struct Privilege {
    AclMode mode;
    const char *name;
};

void check_privilege(const Relation &relation, const Privilege &privilege)
{
    if (!may(relation, privilege.mode))
        throw Error("42501", "permission denied for relation " + relation.name,
                    "The caller lacks the privilege " + std::string(privilege.name) + ".",
                    "Grant it with GRANT " + std::string(privilege.name) + " ON " + relation.written_name + " TO " +
                        as_written(current_role()) + ", or call flex_sync through a SECURITY DEFINER function.");
}

void check_privileges(const Relation &relation, Access access)
{
    check_privilege(relation, {ACL_SELECT, "SELECT"});
    if (access != Access::Write)
        return;
    for (const Privilege &privilege :
         {Privilege{ACL_INSERT, "INSERT"}, Privilege{ACL_UPDATE, "UPDATE"}, Privilege{ACL_DELETE, "DELETE"}})
        check_privilege(relation, privilege);
}

void check_row_security(const Relation &relation)
{
    if (call([&] { return check_enable_rls(relation.oid, InvalidOid, true); }) == RLS_ENABLED)
        throw Error(
            "42501", "row-level security of relation \"" + relation.name + "\" applies to the caller",
            "A sync must see the whole crew; people whom a policy hides would be deleted from Flex, or called again.",
            "Call flex_sync through a SECURITY DEFINER function whose owner the policies do not apply to; "
            "docs/supabase.md shows one.");
}

void check_unique_index(const Relation &assignments)
{
    if (find_unique_index(assignments.oid))
        return;
    throw Error("55000",
                "relation \"" + assignments.name +
                    "\" has no unique index on (crew_call_id, technician_id) that ON CONFLICT can use",
                "An index that is partial, invalid or deferrable cannot be used.",
                "Call flex_sync_protect(), which adds one. If the writers of the table cannot wait, run " +
                    concurrent_index_statement(assignments.schema) + " instead.");
}

} // namespace

std::string CrewRelations::in(std::string_view sql) const
{
    std::string text;
    for (;;) {
        const std::size_t open = sql.find('{');
        const std::size_t close = sql.find('}', open);
        if (close == std::string_view::npos)
            return text.append(sql);
        const std::string_view name = sql.substr(open + 1, close - open - 1);
        text.append(sql.substr(0, open));
        text.append(name == "calls"         ? calls()
                    : name == "assignments" ? assignments()
                    : name == "desired"     ? desired()
                    : name == "due"         ? due()
                                            : line_type);
        sql.remove_prefix(close + 1);
    }
}

std::span<const char *const> columns_of(std::string_view relation)
{
    for (const RelationColumns &known : all_columns)
        if (known.relation == relation)
            return known.columns;
    return {};
}

void check_schema(const std::string &schema)
{
    find_schema(schema);
}

void check_relation(const std::string &schema, const char *name)
{
    const Relation relation = find_relation(find_schema(schema), schema, name, columns_of(name));
    check_privileges(relation, Access::Read);
    check_row_security(relation);
}

Assignments check_assignments(const std::string &schema)
{
    const Oid schema_oid = find_schema(schema);
    const Relation relation = find_relation(schema_oid, schema, "flex_crew_assignments", assignments_columns);
    check_privileges(relation, Access::Read);
    check_row_security(relation);
    return {.oid = relation.oid, .quoted = quoted_identifier(schema) + ".flex_crew_assignments"};
}

void check_due_calls(const std::string &schema)
{
    check_relation(schema, "flex_due_crew_calls");
}

void check_write_privileges(const std::string &schema)
{
    check_privileges(find_relation(find_schema(schema), schema, "flex_crew_assignments", synced_columns),
                     Access::Write);
}

void check_delete_privilege(const std::string &schema)
{
    check_privilege(find_relation(find_schema(schema), schema, "flex_crew_assignments", synced_columns),
                    {ACL_DELETE, "DELETE"});
}

CrewRelations check_relations(const std::string &schema, Access access)
{
    const Oid oid = find_schema(schema);
    const Relation calls = find_relation(oid, schema, "flex_crew_calls", calls_columns);
    check_privileges(calls, Access::Read);
    check_row_security(calls);
    CrewRelations relations{.schema = quoted_identifier(schema)};
    relations.element_is_uuid = call([&] { return get_atttype(calls.oid, calls.columns[3]); }) == UUIDOID;
    if (access == Access::Calls)
        return relations;

    const Relation assignments = find_relation(oid, schema, "flex_crew_assignments", synced_columns);
    const Relation desired = find_relation(oid, schema, "flex_desired_crew", desired_columns);
    check_privileges(desired, Access::Read);
    check_privileges(assignments, access);
    check_row_security(desired);
    check_row_security(assignments);
    if (access == Access::Write)
        check_unique_index(assignments);
    relations.line_type =
        call([&] { return format_type_be_qualified(get_atttype(assignments.oid, assignments.columns[2])); });
    return relations;
}

} // namespace pg
