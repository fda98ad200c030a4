// SELECT * FROM flex_sync_setup(): makes the crew relations that are missing.

#include "core/error.hpp"
#include "pg/catalog.hpp"
#include "pg/result_tuple.hpp"
#include "pg/statement.hpp"
#include "pg/subtransaction.hpp"

#include <array>

#include "pg/wall.hpp"

namespace pg {

namespace {

constexpr Identity caller{Identity::Kind::Caller};

constexpr const char *unique_key = "flex_crew_assignments_crew_call_technician_key";

/// A relation that setup makes where there is none; `$` stands for the quoted schema. It refers to nothing of the
/// extension: DROP EXTENSION must neither be refused nor take it along.
struct Definition {
    const char *name;
    const char *sql;
};

constexpr std::array definitions{
    Definition{"flex_crew_calls", R"(
        CREATE TABLE $.flex_crew_calls (
            id pg_catalog.uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
            job_id pg_catalog.uuid,
            department pg_catalog.text,
            flex_element_id pg_catalog.text
        );
        CREATE INDEX flex_crew_calls_job_id_idx ON $.flex_crew_calls (job_id);
        CREATE INDEX flex_crew_calls_flex_element_id_idx
            ON $.flex_crew_calls (pg_catalog.lower(flex_element_id COLLATE pg_catalog."C")))"},
    Definition{"flex_crew_assignments", R"(
        CREATE TABLE $.flex_crew_assignments (
            id pg_catalog.uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
            crew_call_id pg_catalog.uuid NOT NULL REFERENCES $.flex_crew_calls (id) ON DELETE CASCADE,
            technician_id pg_catalog.uuid NOT NULL,
            flex_line_item_id pg_catalog.text NOT NULL,
            created_at pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.now(),
            CONSTRAINT flex_crew_assignments_crew_call_technician_key UNIQUE (crew_call_id, technician_id)
        );
        CREATE INDEX flex_crew_assignments_technician_id_idx ON $.flex_crew_assignments (technician_id))"},
    Definition{"flex_desired_crew", R"(
        CREATE TABLE $.flex_desired_crew (
            crew_call_id pg_catalog.uuid NOT NULL REFERENCES $.flex_crew_calls (id) ON DELETE CASCADE,
            technician_id pg_catalog.uuid NOT NULL,
            flex_resource_id pg_catalog.text,
            business_role_id pg_catalog.text,
            PRIMARY KEY (crew_call_id, technician_id)
        );
        CREATE INDEX flex_desired_crew_technician_id_idx ON $.flex_desired_crew (technician_id))"},
    Definition{"flex_due_crew_calls", R"(
        CREATE VIEW $.flex_due_crew_calls AS
        SELECT c.id AS crew_call_id FROM $.flex_crew_calls AS c WHERE c.flex_element_id IS NOT NULL)"},
};

std::string in_schema(std::string_view sql, const std::string &schema)
{
    std::string text;
    for (const char c : sql)
        text += c == '$' ? schema : std::string(1, c);
    return text;
}

bool exists(Oid schema, const char *name)
{
    return OidIsValid(call([&] { return get_relname_relid(name, schema); }));
}

/// Default privileges may have opened it to others, as every Supabase database does for anon.
void close_to_others(Statements &statements, const std::string &relation)
{
    const std::string read_grantees = R"(
        SELECT DISTINCT CASE WHEN a.grantee OPERATOR(pg_catalog.=) 0 THEN 'PUBLIC'
                             ELSE a.grantee::pg_catalog.regrole::pg_catalog.text END
        FROM pg_catalog.pg_class AS c CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) AS a
        WHERE c.oid OPERATOR(pg_catalog.=) $1::pg_catalog.regclass AND a.grantee OPERATOR(pg_catalog.<>) c.relowner)";
    Rows grantees = statements.run(read_grantees, {relation}, caller);
    std::vector<std::string> names;
    for (std::size_t row = 0; row < grantees.size(); ++row)
        names.emplace_back(*grantees.at(row, 0));
    grantees.release();
    for (const std::string &name : names)
        statements.run_once("REVOKE ALL ON " + relation + " FROM " + name);
}

bool has_unique_index(Statements &statements, const std::string &relation)
{
    const std::string read_index = R"(
        SELECT 'found' FROM pg_catalog.pg_index AS i
        WHERE i.indrelid OPERATOR(pg_catalog.=) $1::pg_catalog.regclass
          AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
          AND i.indnkeyatts OPERATOR(pg_catalog.=) 2
          AND NOT EXISTS (
              SELECT FROM pg_catalog.pg_attribute AS a
              WHERE a.attrelid OPERATOR(pg_catalog.=) i.indrelid
                AND a.attnum OPERATOR(pg_catalog.=) ANY (i.indkey[0:1])
                AND NOT a.attname::pg_catalog.text OPERATOR(pg_catalog.=) ANY ('{crew_call_id,technician_id}')))";
    Rows rows = statements.run(read_index, {relation}, caller);
    const bool is_found = !rows.empty();
    rows.release();
    return is_found;
}

std::string make_unique_key(Statements &statements, const std::string &relation)
{
    if (has_unique_index(statements, relation))
        return "found";
    const auto undone = in_subtransaction([&] {
        statements.run_once("ALTER TABLE " + relation + " ADD CONSTRAINT " + unique_key +
                            " UNIQUE (crew_call_id, technician_id)");
    });
    return undone ? "blocked" : "created";
}

Datum sync_setup(FunctionCallInfo fcinfo)
{
    const std::string schema = find_server_options().crew_schema;
    const char *const schema_text = schema.c_str();
    const Oid schema_oid = call([&] { return get_namespace_oid(schema_text, true); });
    if (!OidIsValid(schema_oid))
        throw core::Error("55000", "schema \"" + schema + "\" of the crew relations does not exist", "",
                          "Create it, or set the option \"crew_schema\" of the server.");
    const std::string quoted = quoted_identifier(schema);
    Statements statements;
    ResultSet rows(fcinfo);
    for (const Definition &definition : definitions) {
        const bool is_there = exists(schema_oid, definition.name);
        const std::string relation = quoted + "." + definition.name;
        if (!is_there) {
            statements.run_once(in_schema(definition.sql, quoted));
            close_to_others(statements, relation);
        }
        rows.add({{"object", schema + "." + definition.name}, {"action", is_there ? "found" : "created"}});
        if (std::string_view(definition.name) == "flex_crew_assignments")
            rows.add({{"object", schema + "." + unique_key},
                      {"action", is_there ? make_unique_key(statements, relation) : "created"}});
    }
    statements.finish();
    return 0;
}

} // namespace

} // namespace pg

FLEX_SYNC_FUNCTION(flex_sync_setup, pg::sync_setup)
