// The audit and the clean-up: flex_sync_duplicates and flex_sync_repair.

#include "core/error.hpp"
#include "core/ids.hpp"
#include "pg/crew/catalog.hpp"
#include "pg/crew/relations.hpp"
#include "pg/server/json.hpp"
#include "pg/server/own_tables.hpp"
#include "pg/server/result_tuple.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/statement.hpp"
#include "pg/server/subtransaction.hpp"

#include "pg/server/wall.hpp"

namespace pg {

namespace {

constexpr Identity caller{Identity::Kind::Caller};
constexpr Identity reader{Identity::Kind::Reader};

/// Adds all rows, whose columns have these names.
void add_rows(ResultSet &result, const Rows &rows, std::initializer_list<std::string_view> names)
{
    for (std::size_t row = 0; row < rows.size(); ++row) {
        RowValues values;
        for (const std::string_view name : names)
            values.push_back({name, rows.text(row, values.size())});
        result.add(values);
    }
}

Datum sync_duplicates(FunctionCallInfo fcinfo)
{
    const Assignments assignments = check_assignments(find_server_options().crew_schema);
    Statements statements;
    const std::string read_duplicates = R"(
        SELECT a.crew_call_id::pg_catalog.text, a.technician_id::pg_catalog.text,
               pg_catalog.count(*)::pg_catalog.text,
               pg_catalog.array_agg(a.id ORDER BY a.created_at, a.id)::pg_catalog.text,
               pg_catalog.array_agg(a.flex_line_item_id::pg_catalog.text ORDER BY a.created_at, a.id)::pg_catalog.text,
               pg_catalog.min(a.created_at)::pg_catalog.text
        FROM )" + assignments.quoted + R"( AS a
        WHERE a.crew_call_id IS NOT NULL AND a.technician_id IS NOT NULL
        GROUP BY a.crew_call_id, a.technician_id
        HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 1
        ORDER BY a.crew_call_id, a.technician_id)";
    ResultSet result(fcinfo);
    add_rows(result, statements.run(read_duplicates, {}, reader),
             {"crew_call_id", "technician_id", "copies", "assignment_ids", "flex_line_item_ids", "first_created_at"});
    statements.finish();
    return 0;
}

/// Every row of every set of duplicates, the one that is kept first. Columns: call, technician, id, line, action, whole
/// row, element.
Rows read_sets(Statements &statements, const std::string &assignments, const std::string &calls)
{
    const std::string read_sets = R"(
        SELECT s.crew_call_id::pg_catalog.text, s.technician_id::pg_catalog.text, s.id::pg_catalog.text, s.line,
               CASE WHEN s.place OPERATOR(pg_catalog.=) 1 THEN 'keep' ELSE 'delete' END, s.whole,
               c.flex_element_id::pg_catalog.text
        FROM (SELECT a.crew_call_id, a.technician_id, a.id, a.flex_line_item_id::pg_catalog.text AS line,
                     pg_catalog.to_jsonb(a)::pg_catalog.text AS whole,
                     pg_catalog.row_number() OVER (PARTITION BY a.crew_call_id, a.technician_id
                                                   ORDER BY a.created_at, a.id) AS place,
                     pg_catalog.count(*) OVER (PARTITION BY a.crew_call_id, a.technician_id) AS copies
              FROM )" + assignments +
                                  R"( AS a
              WHERE a.crew_call_id IS NOT NULL AND a.technician_id IS NOT NULL) AS s
        LEFT JOIN )" + calls + R"( AS c ON c.id OPERATOR(pg_catalog.=) s.crew_call_id
        WHERE s.copies OPERATOR(pg_catalog.>) 1
        ORDER BY s.crew_call_id, s.technician_id, s.place)";
    return statements.run(read_sets, {}, reader);
}

/// The rows that go, as JSON for the statements that delete and keep them.
std::string rows_to_delete(const Rows &sets, const std::string &server)
{
    JsonWriter json;
    json.begin_array();
    for (std::size_t row = 0; row < sets.size(); ++row) {
        if (*sets.at(row, 4) != "delete")
            continue;
        json.begin_object();
        json.text("crew_call_id", *sets.at(row, 0));
        json.text("technician_id", *sets.at(row, 1));
        json.text("assignment_id", *sets.at(row, 2));
        json.optional_text("flex_line_item_id", sets.text(row, 3));
        json.text("assignment", *sets.at(row, 5));
        json.text("server", server);
        if (const auto line = sets.at(row, 3))
            json.text("canonical_line", core::canonical_id(*line));
        if (const auto element = sets.at(row, 6))
            json.text("element", core::canonical_id(*element));
        json.end_object();
    }
    json.end_array();
    return std::string(json.view());
}

constexpr const char *record = R"(pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb)
        AS r (crew_call_id pg_catalog.uuid, technician_id pg_catalog.uuid, assignment_id pg_catalog.uuid,
              flex_line_item_id pg_catalog.text, assignment pg_catalog.text, server pg_catalog.text,
              canonical_line pg_catalog.text, element pg_catalog.text))";

/// Keeps what goes, whole, and the lines of it as ours: surplus contacts go with the next sync under `owned` too.
void keep_copies(Statements &statements, const OwnTables &own, const std::string &json)
{
    const std::string user = current_role();
    statements.run("INSERT INTO " + own.table("flex_sync_repair_log") + R"(
        (deleted_at, deleted_by, crew_call_id, technician_id, assignment_id, flex_line_item_id, assignment)
        SELECT clock_timestamp(), $2, r.crew_call_id, r.technician_id, r.assignment_id, r.flex_line_item_id,
               r.assignment::jsonb FROM )" +
                       record,
                   {json, user}, own.identity);
    statements.run("INSERT INTO " + own.table("flex_sync_contact") + R"(
        (server, flex_element_id, flex_line_item_id, was_shown, noted_at)
        SELECT DISTINCT r.server, r.element, r.canonical_line, true, clock_timestamp() FROM )" +
                       record + R"(
        WHERE r.element <> '' AND r.canonical_line <> ''
          AND NOT EXISTS (SELECT FROM )" +
                       own.table("flex_sync_contact") + R"( AS k
                          WHERE k.flex_element_id = r.element AND k.flex_line_item_id = r.canonical_line)
        ON CONFLICT DO NOTHING)",
                   {json}, own.identity);
}

void delete_rows(Statements &statements, const std::string &assignments, const std::string &json)
{
    const std::string delete_rows = "DELETE FROM " + assignments + " AS a USING " + record + R"(
        WHERE a.id OPERATOR(pg_catalog.=) r.assignment_id
          AND a.crew_call_id OPERATOR(pg_catalog.=) r.crew_call_id
          AND a.technician_id OPERATOR(pg_catalog.=) r.technician_id)";
    statements.run(delete_rows, {json}, caller);
    const Rows left = statements.run("SELECT pg_catalog.count(*)::pg_catalog.text FROM " + assignments + " AS a JOIN " +
                                         record + " ON a.id OPERATOR(pg_catalog.=) r.assignment_id",
                                     {json}, reader);
    const std::string count(*left.at(0, 0));
    if (count != "0")
        throw core::Error(
            "55000", "could not delete " + count + " of the duplicate rows",
            "A trigger or rule of flex_crew_assignments keeps them; nothing was changed.",
            "Disable it for the time being, or delete the rows by hand; SELECT * FROM flex_sync_duplicates() names "
            "them.");
}

/// A look that leaves no lock behind, which would be in the way of somebody who adds the constraint.
bool has_duplicates(Statements &statements, const Assignments &assignments, const std::string &calls)
{
    bool has_some = false;
    const auto undone = in_subtransaction([&] { has_some = !read_sets(statements, assignments.quoted, calls).empty(); },
                                          Ending::RollBack);
    // If the look failed, let repair() raise the same error.
    return undone || has_some;
}

/// Deletes all but the first of each set, under a lock that keeps sets from changing; gives the sets as they were.
Rows repair(Statements &statements, const OwnTables &own, const Assignments &assignments, const std::string &calls)
{
    // Nobody writes meanwhile, so that a set is whole; readers go on.
    statements.run_once("LOCK TABLE " + assignments.quoted + " IN SHARE ROW EXCLUSIVE MODE");
    Rows sets = read_sets(statements, assignments.quoted, calls);
    if (!sets.empty()) {
        const std::string json = rows_to_delete(sets, server_setting());
        keep_copies(statements, own, json);
        delete_rows(statements, assignments.quoted, json);
    }
    return sets;
}

void add_sets(ResultSet &result, const Rows &sets)
{
    add_rows(result, sets, {"crew_call_id", "technician_id", "assignment_id", "flex_line_item_id", "action"});
}

Datum sync_repair(FunctionCallInfo fcinfo)
{
    const bool is_dry_run = PG_ARGISNULL(0) || PG_GETARG_BOOL(0);
    const std::string schema = find_server_options().crew_schema;
    const Assignments assignments = check_assignments(schema);
    const CrewRelations relations = check_relations(schema, Access::Calls);
    if (!is_dry_run)
        check_delete_privilege(schema);
    const OwnTables own = find_own_tables(fcinfo);
    Statements statements;
    ResultSet result(fcinfo);
    if (is_dry_run)
        add_sets(result, read_sets(statements, assignments.quoted, relations.calls()));
    // Where there is nothing to do, nobody is held up.
    else if (has_duplicates(statements, assignments, relations.calls()))
        add_sets(result, repair(statements, own, assignments, relations.calls()));
    statements.finish();
    return 0;
}

} // namespace

} // namespace pg

FLEX_SYNC_FUNCTION(flex_sync_duplicates, pg::sync_duplicates)
FLEX_SYNC_FUNCTION(flex_sync_repair, pg::sync_repair)
