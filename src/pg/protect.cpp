#include "pg/protect.hpp"

#include "core/error.hpp"
#include "pg/catalog.hpp"
#include "pg/relations.hpp"
#include "pg/result_tuple.hpp"

#include "pg/wall.hpp"

namespace pg {

namespace {

/// True for an index that ON CONFLICT on the two columns can use.
bool is_arbiter(Oid index, AttrNumber call_column, AttrNumber technician_column)
{
    return call([&] {
        const HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
        if (!HeapTupleIsValid(tuple))
            return false;
        const auto *const form = reinterpret_cast<Form_pg_index>(GETSTRUCT(tuple));
        const AttrNumber first = form->indkey.values[0];
        const AttrNumber second = form->indnkeyatts == 2 ? form->indkey.values[1] : InvalidAttrNumber;
        const bool fits = form->indisunique && form->indimmediate && form->indisvalid && form->indisready &&
                          ((first == call_column && second == technician_column) ||
                           (first == technician_column && second == call_column)) &&
                          heap_attisnull(tuple, Anum_pg_index_indpred, nullptr) &&
                          heap_attisnull(tuple, Anum_pg_index_indexprs, nullptr);
        ReleaseSysCache(tuple);
        return fits;
    });
}

void refuse_duplicates(Statements &statements, const std::string &relation)
{
    const std::string count_duplicates = R"(
        SELECT pg_catalog.count(*)::pg_catalog.text
        FROM (SELECT FROM )" + relation + R"( AS a
              WHERE a.crew_call_id IS NOT NULL AND a.technician_id IS NOT NULL
              GROUP BY a.crew_call_id, a.technician_id
              HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 1) AS d)";
    Rows rows = statements.run(count_duplicates, {}, {Identity::Kind::Reader});
    const std::string count(*rows.at(0, 0));
    rows.release();
    if (count != "0")
        throw core::Error(
            "23505", "could not add the unique constraint \"" + std::string(unique_key_name) + "\"",
            "Relation " + relation + " holds " + count + " set(s) of several rows for one technician on one crew call.",
            "Look at them with SELECT * FROM flex_sync_duplicates(), and clean them up with SELECT * FROM "
            "flex_sync_repair(false).");
}

Datum sync_protect(FunctionCallInfo)
{
    const Assignments assignments = check_assignments(find_server_options().crew_schema);
    Statements statements;
    const std::string name = protect(statements, assignments.quoted, assignments.oid);
    statements.finish();
    const char *const text = name.c_str();
    return call([&] { return PointerGetDatum(cstring_to_text(text)); });
}

} // namespace

std::optional<std::string> find_unique_index(Oid assignments)
{
    const AttrNumber call_column = call([&] { return get_attnum(assignments, "crew_call_id"); });
    const AttrNumber technician_column = call([&] { return get_attnum(assignments, "technician_id"); });
    const List *const indexes = call([&] {
        const ::Relation relation = relation_open(assignments, AccessShareLock);
        const List *const list = RelationGetIndexList(relation);
        relation_close(relation, NoLock);
        return list;
    });
    for (int i = 0; i < list_length(indexes); ++i)
        if (const Oid index = list_nth_oid(indexes, i); is_arbiter(index, call_column, technician_column))
            return call([&] { return static_cast<const char *>(get_rel_name(index)); });
    return std::nullopt;
}

std::string protect(Statements &statements, const std::string &relation, Oid assignments)
{
    if (std::optional<std::string> index = find_unique_index(assignments))
        return *std::move(index);
    // From here on nobody writes, so that no duplicate slips in; readers go on until the index becomes a constraint.
    statements.run_once("LOCK TABLE " + relation + " IN SHARE MODE");
    refuse_duplicates(statements, relation);
    const std::string name = unique_key_name;
    statements.run_once("CREATE UNIQUE INDEX " + name + " ON " + relation + " (crew_call_id, technician_id)");
    statements.run_once("ALTER TABLE " + relation + " ADD CONSTRAINT " + name + " UNIQUE USING INDEX " + name);
    return name;
}

} // namespace pg

FLEX_SYNC_FUNCTION(flex_sync_protect, pg::sync_protect)
