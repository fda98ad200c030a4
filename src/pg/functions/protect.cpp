#include "pg/functions/protect.hpp"

#include "core/error.hpp"
#include "pg/crew/catalog.hpp"
#include "pg/crew/relations.hpp"
#include "pg/crew/unique_index.hpp"
#include "pg/server/result_tuple.hpp"

#include "pg/server/wall.hpp"

namespace pg {

namespace {

void refuse_deferrable(const std::string &schema, Oid assignments)
{
    const std::optional<std::string> constraint = find_deferrable_index(assignments);
    if (constraint)
        throw core::Error("55000",
                          "unique constraint \"" + *constraint + "\" is deferrable, so that ON CONFLICT cannot be used",
                          "It is on (crew_call_id, technician_id), where one that is not deferrable is needed and no "
                          "other may be.",
                          "Drop it with ALTER TABLE " + as_written(schema) + ".flex_crew_assignments DROP CONSTRAINT " +
                              as_written(*constraint) + ", and call flex_sync_protect() again.");
}

/// The constraint is the table owner's to add; without this the server would complain of the lock.
void check_owner(const std::string &name, Oid assignments)
{
    const bool is_owner = call([&] {
        const HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(assignments));
        if (!HeapTupleIsValid(tuple))
            return false;
        const Oid owner = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relowner;
        ReleaseSysCache(tuple);
        return has_privs_of_role(GetUserId(), owner);
    });
    if (!is_owner)
        throw core::Error("42501", "must be owner of table " + name, "", "Call flex_sync_protect() as its owner.");
}

void refuse_duplicates(Statements &statements, const std::string &relation, const std::string &name)
{
    const std::string count_duplicates = R"(
        SELECT pg_catalog.count(*)::pg_catalog.text
        FROM (SELECT FROM )" + relation + R"( AS a
              WHERE a.crew_call_id IS NOT NULL AND a.technician_id IS NOT NULL
              GROUP BY a.crew_call_id, a.technician_id
              HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 1) AS d)";
    const Rows rows = statements.run(count_duplicates, {}, {Identity::Kind::Reader});
    const std::string count(*rows.at(0, 0));
    if (count != "0")
        throw core::Error(
            "23505", "could not add the unique constraint \"" + std::string(unique_key_name) + "\"",
            "In table \"" + name + "\" technicians have several rows on one crew call: " + count +
                (count == "1" ? " set of duplicates." : " sets of duplicates."),
            "Look at them with SELECT * FROM flex_sync_duplicates(), and clean them up with SELECT * FROM "
            "flex_sync_repair(false).");
}

/// An index under our name that cannot serve: what CREATE UNIQUE INDEX CONCURRENTLY leaves when it fails, say.
void refuse_taken_name(const std::string &schema)
{
    const char *const schema_text = schema.c_str();
    const Oid taken = call([&] { return get_relname_relid(unique_key_name, get_namespace_oid(schema_text, false)); });
    if (OidIsValid(taken))
        throw core::Error("55000", "could not add the unique constraint \"" + std::string(unique_key_name) + "\"",
                          "The name belongs to something else, such as an index that is invalid, partial or deferrable "
                          "and cannot serve.",
                          "Rename it, or drop it; an index left by CREATE UNIQUE INDEX CONCURRENTLY with DROP INDEX "
                          "CONCURRENTLY " +
                              as_written(schema) + "." + unique_key_name + ".");
}

bool is_partitioned(Oid relation)
{
    return call([&] { return get_rel_relkind(relation); }) == RELKIND_PARTITIONED_TABLE;
}

Datum sync_protect(FunctionCallInfo)
{
    const std::string schema = find_server_options().crew_schema;
    const Assignments assignments = check_assignments(schema);
    Statements statements;
    const std::string name = protect(statements, schema, assignments.oid);
    statements.finish();
    const char *const text = name.c_str();
    return call([&] { return PointerGetDatum(cstring_to_text(text)); });
}

} // namespace

std::string protect(Statements &statements, const std::string &schema, Oid assignments)
{
    if (std::optional<std::string> index = find_unique_index(assignments))
        return *std::move(index);
    const std::string name = schema + ".flex_crew_assignments";
    const std::string relation = quoted_identifier(schema) + ".flex_crew_assignments";
    check_owner(name, assignments);
    refuse_deferrable(schema, assignments);
    // From here on nobody writes, so that no duplicate slips in; readers go on until the index becomes a constraint.
    statements.run_once("LOCK TABLE " + relation + " IN SHARE ROW EXCLUSIVE MODE");
    // Somebody else may have added it while this waited.
    if (std::optional<std::string> index = find_unique_index(assignments))
        return *std::move(index);
    refuse_taken_name(schema);
    refuse_duplicates(statements, relation, name);
    const std::string key = unique_key_name;
    const std::string add = "ALTER TABLE " + relation + " ADD CONSTRAINT " + key + " UNIQUE ";
    if (is_partitioned(assignments)) {
        // Which takes no index that is there.
        statements.run_once(add + "(crew_call_id, technician_id)");
        return key;
    }
    statements.run_once("CREATE UNIQUE INDEX " + key + " ON " + relation + " (crew_call_id, technician_id)");
    statements.run_once(add + "USING INDEX " + key);
    return key;
}

} // namespace pg

FLEX_SYNC_FUNCTION(flex_sync_protect, pg::sync_protect)
