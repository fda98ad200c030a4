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

/// The parts of a qualified name, which may be quoted. May raise the server's error.
inline List *qualified_name_list(const char *name)
{
#if PG_VERSION_NUM >= 160000
    return stringToQualifiedNameList(name, nullptr);
#else
    return stringToQualifiedNameList(name);
#endif
}

/// What a backend waits for, as pg_stat_activity names it. Before PostgreSQL 17 that is "Extension" for all of them.
struct WaitEvent {
    const char *name;
    uint32 number = 0; ///< the server's, once it was asked for
};

/// May raise the server's error.
inline uint32 wait_event_number([[maybe_unused]] WaitEvent &event)
{
#if PG_VERSION_NUM >= 170000
    if (event.number == 0)
        event.number = WaitEventExtensionNew(event.name);
    return event.number;
#else
    return PG_WAIT_EXTENSION;
#endif
}

} // namespace pg
