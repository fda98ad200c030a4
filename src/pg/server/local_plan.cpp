#include "pg/server/local_plan.hpp"

namespace pg {

// All of it runs inside one call of the server: nothing here has a destructor.
namespace {

bool is_local(const Plan *plan);

bool are_local(const List *plans)
{
    for (int i = 0; i < list_length(plans); ++i)
        if (!is_local(static_cast<const Plan *>(list_nth(plans, i))))
            return false;
    return true;
}

/// Whether the nodes of a plan are the server's own. Citus and its like put theirs where they fetch rows.
bool is_local(const Plan *plan)
{
    if (!plan)
        return true;
    switch (nodeTag(plan)) {
    case T_ForeignScan:
    case T_CustomScan:
        return false;
    case T_Append:
        return are_local(reinterpret_cast<const Append *>(plan)->appendplans);
    case T_MergeAppend:
        return are_local(reinterpret_cast<const MergeAppend *>(plan)->mergeplans);
    case T_SubqueryScan:
        return is_local(reinterpret_cast<const SubqueryScan *>(plan)->subplan);
    default:
        return is_local(plan->lefttree) && is_local(plan->righttree);
    }
}

/// A table of another access method may have transactions of its own, which end unseen.
bool is_heap(Oid relation)
{
    const HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
    if (!HeapTupleIsValid(tuple))
        return false;
    const bool is_it = reinterpret_cast<Form_pg_class>(GETSTRUCT(tuple))->relam == HEAP_TABLE_AM_OID;
    ReleaseSysCache(tuple);
    return is_it;
}

/// What a view or a partitioned table reads stands beside it.
bool is_local(const RangeTblEntry *entry)
{
    if (entry->rtekind == RTE_FUNCTION || entry->rtekind == RTE_TABLEFUNC || entry->rtekind == RTE_NAMEDTUPLESTORE)
        return false;
    if (entry->rtekind != RTE_RELATION || entry->relkind == RELKIND_VIEW || entry->relkind == RELKIND_PARTITIONED_TABLE)
        return true;
    return (entry->relkind == RELKIND_RELATION || entry->relkind == RELKIND_MATVIEW) && is_heap(entry->relid);
}

/// A function that came with the server does not look elsewhere, unless it is volatile. The plan depends on all others.
bool has_foreign_function(const PlannedStmt *statement)
{
    for (int i = 0; i < list_length(statement->invalItems); ++i)
        if (static_cast<const PlanInvalItem *>(list_nth(statement->invalItems, i))->cacheId == PROCOID)
            return true;
    return false;
}

bool is_local(const PlannedStmt *statement)
{
    if (statement->commandType == CMD_UTILITY || has_foreign_function(statement))
        return false;
    for (int i = 0; i < list_length(statement->rtable); ++i)
        if (!is_local(static_cast<const RangeTblEntry *>(list_nth(statement->rtable, i))))
            return false;
    return is_local(statement->planTree) && are_local(statement->subplans);
}

bool is_local(const CachedPlanSource *source)
{
    if (!source->gplan || !source->gplan->is_valid ||
        contain_volatile_functions(reinterpret_cast<Node *>(source->query_list)))
        return false;
    for (int i = 0; i < list_length(source->gplan->stmt_list); ++i)
        if (!is_local(static_cast<const PlannedStmt *>(list_nth(source->gplan->stmt_list, i))))
            return false;
    return true;
}

} // namespace

bool reads_local_tables_only(SPIPlanPtr plan)
{
    return call([&] {
        const List *const sources = SPI_plan_get_plan_sources(plan);
        for (int i = 0; i < list_length(sources); ++i)
            if (!is_local(static_cast<const CachedPlanSource *>(list_nth(sources, i))))
                return false;
        return true;
    });
}

} // namespace pg
