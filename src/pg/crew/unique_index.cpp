#include "pg/crew/unique_index.hpp"

#include "pg/crew/catalog.hpp"

#include "pg/server/wall.hpp"

namespace pg {

namespace {

enum class Fit {
    None,
    Deferrable, ///< on the two columns, but ON CONFLICT trips over it, even where another one would do
    Arbiter,    ///< what ON CONFLICT on the two columns can use
};

Fit fit_of(Oid index, AttrNumber call_column, AttrNumber technician_column)
{
    return call([&] {
        const HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
        if (!HeapTupleIsValid(tuple))
            return Fit::None;
        const auto *const form = reinterpret_cast<Form_pg_index>(GETSTRUCT(tuple));
        const AttrNumber first = form->indkey.values[0];
        const AttrNumber second = form->indnkeyatts == 2 ? form->indkey.values[1] : InvalidAttrNumber;
        const bool fits = form->indisunique && form->indisvalid && form->indisready &&
                          ((first == call_column && second == technician_column) ||
                           (first == technician_column && second == call_column)) &&
                          heap_attisnull(tuple, Anum_pg_index_indpred, nullptr) &&
                          heap_attisnull(tuple, Anum_pg_index_indexprs, nullptr);
        const Fit fit = !fits ? Fit::None : form->indimmediate ? Fit::Arbiter : Fit::Deferrable;
        ReleaseSysCache(tuple);
        return fit;
    });
}

/// The first index of the relation that fits so; none if there is none.
std::optional<std::string> find_index(Oid assignments, Fit fit)
{
    const AttrNumber call_column = call([&] { return get_attnum(assignments, unique_key_columns[0]); });
    const AttrNumber technician_column = call([&] { return get_attnum(assignments, unique_key_columns[1]); });
    // The lock is given back: who keeps it while waiting to lock out writers is in the way of one who has done so and
    // adds the constraint.
    const List *const indexes = call([&] {
        const ::Relation relation = relation_open(assignments, AccessShareLock);
        const List *const list = RelationGetIndexList(relation);
        relation_close(relation, AccessShareLock);
        return list;
    });
    for (int i = 0; i < list_length(indexes); ++i)
        if (const Oid index = list_nth_oid(indexes, i); fit_of(index, call_column, technician_column) == fit)
            return call([&] { return static_cast<const char *>(get_rel_name(index)); });
    return std::nullopt;
}

} // namespace

std::optional<std::string> find_unique_index(Oid assignments)
{
    return find_index(assignments, Fit::Deferrable) ? std::nullopt : find_index(assignments, Fit::Arbiter);
}

std::optional<std::string> find_deferrable_index(Oid assignments)
{
    return find_index(assignments, Fit::Deferrable);
}

std::string concurrent_index_statement(const std::string &schema)
{
    return "CREATE UNIQUE INDEX CONCURRENTLY ON " + as_written(schema) +
           ".flex_crew_assignments (crew_call_id, technician_id)";
}

} // namespace pg
