#pragma once
// What differs between PostgreSQL 15 and 19, in one place. Included by server.hpp only.

namespace pg {

/// Whether `user` may use the foreign server.
inline AclResult foreign_server_aclcheck(Oid server, Oid user)
{
#if PG_VERSION_NUM >= 160000
    return object_aclcheck(ForeignServerRelationId, server, user, ACL_USAGE);
#else
    return pg_foreign_server_aclcheck(server, user, ACL_USAGE);
#endif
}

/// Whether `user` may use the schema.
inline AclResult namespace_aclcheck(Oid schema, Oid user)
{
#if PG_VERSION_NUM >= 160000
    return object_aclcheck(NamespaceRelationId, schema, user, ACL_USAGE);
#else
    return pg_namespace_aclcheck(schema, user, ACL_USAGE);
#endif
}

/// The transaction's id on this server, which is not reused while the session lives.
inline LocalTransactionId my_local_transaction_id()
{
#if PG_VERSION_NUM >= 170000
    return MyProc->vxid.lxid;
#else
    return MyProc->lxid;
#endif
}

/// The wait event under which a sync that waits for Flex shows in pg_stat_activity.
inline uint32 flex_wait_event()
{
#if PG_VERSION_NUM >= 170000
    static uint32 event = 0;
    if (event == 0)
        event = WaitEventExtensionNew("FlexSyncHTTP");
    return event;
#else
    return PG_WAIT_EXTENSION;
#endif
}

} // namespace pg
