// The validator of the foreign-data wrapper, and flex_sync_lock_key.

#include "pg/crew/catalog.hpp"
#include "pg/crew/crew_session.hpp"
#include "pg/server/lock.hpp"

#include "pg/server/wall.hpp"

namespace pg {

namespace {

Datum validate(FunctionCallInfo fcinfo)
{
    const Oid catalog = PG_GETARG_OID(1);
    const OptionPlace place = catalog == ForeignServerRelationId ? OptionPlace::Server
                              : catalog == UserMappingRelationId ? OptionPlace::UserMapping
                                                                 : OptionPlace::Nothing;
    check_options(place, options_in(PG_GETARG_DATUM(0)));
    return 0;
}

Datum sync_lock_key(FunctionCallInfo fcinfo)
{
    const std::string call_id = call_id_argument(fcinfo);
    const CrewRelations relations = check_relations(find_server_options().crew_schema, Access::Calls);
    Statements statements;
    const CrewCall crew_call = read_crew_call(statements, relations, call_id);
    statements.finish();
    return Int64GetDatum(lock_key(core::ElementId(*crew_call.element)));
}

} // namespace

} // namespace pg

FLEX_SYNC_FUNCTION(flex_sync_validator, pg::validate)
FLEX_SYNC_FUNCTION(flex_sync_lock_key, pg::sync_lock_key)
