#include "pg/server/own_tables.hpp"

#include "core/error.hpp"

namespace pg {

OwnTables find_own_tables(FunctionCallInfo fcinfo)
{
    const Oid schema = call([&] { return get_func_namespace(fcinfo->flinfo->fn_oid); });
    const Oid table = call([&] { return get_relname_relid("flex_sync_log", schema); });
    const Oid owner = call([&] {
        const HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
        if (!HeapTupleIsValid(tuple))
            return InvalidOid;
        const Oid relowner = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relowner;
        ReleaseSysCache(tuple);
        return relowner;
    });
    if (!OidIsValid(owner))
        throw core::Error("55000", "table \"flex_sync_log\" of the extension does not exist", "",
                          "Create the extension with CREATE EXTENSION flex_sync.");
    const char *const name = call([&] { return get_namespace_name(schema); });
    const char *const library = call([&] {
        const char *path = "";
        const HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(fcinfo->flinfo->fn_oid));
        if (!HeapTupleIsValid(tuple))
            return path;
        bool is_null = false;
        const Datum probin = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_probin, &is_null);
        if (!is_null)
            path = TextDatumGetCString(probin);
        ReleaseSysCache(tuple);
        return path;
    });
    return {.schema = quoted_identifier(name),
            .identity = {Identity::Kind::Owner, owner},
            .library = library,
            .has_accounts = call([&] { return get_attnum(table, "url") != InvalidAttrNumber; })};
}

} // namespace pg
