#include "pg/crew/catalog.hpp"

#include "core/error.hpp"
#include "pg/server/settings.hpp"

namespace pg {

using core::Error;

namespace {

constexpr const char *wrapper_name = "flex_sync";

std::vector<OptionText> texts_of(const List *options)
{
    std::vector<OptionText> texts;
    for (int i = 0; i < list_length(options); ++i) {
        const auto *const option = static_cast<const DefElem *>(list_nth(options, i));
        // untransformRelOptions makes every value a string, or none of an option without "=".
        const char *const value = option->arg ? strVal(option->arg) : "";
        texts.push_back({option->defname, value});
    }
    return texts;
}

const ForeignServer *find_server(const std::string &name)
{
    const char *const text = name.c_str();
    const ForeignServer *const server = call([&] { return GetForeignServerByName(text, true); });
    if (!server)
        throw Error("42704", "server \"" + name + "\" does not exist", "",
                    "Create it with CREATE SERVER " + as_written(name) +
                        " FOREIGN DATA WRAPPER flex_sync OPTIONS (url '…'), or name another one in the setting "
                        "\"flex_sync.server\".");
    const ForeignDataWrapper *const wrapper = call([&] { return GetForeignDataWrapper(server->fdwid); });
    if (std::string_view(wrapper->fdwname) != wrapper_name)
        throw Error("42704", "server \"" + name + "\" is not a server of the foreign-data wrapper \"flex_sync\"", "",
                    "Name a server of the wrapper \"flex_sync\" in the setting \"flex_sync.server\".");
    const AclResult acl = call([&] { return foreign_server_aclcheck(server->serverid, GetUserId()); });
    if (acl != ACLCHECK_OK)
        throw Error("42501", "permission denied for foreign server " + name, "",
                    "Grant it with GRANT USAGE ON FOREIGN SERVER " + as_written(name) + " TO " +
                        as_written(current_role()) + ".");
    return server;
}

/// The options of the caller's user mapping, or else of PUBLIC's.
std::vector<OptionText> mapping_options(const ForeignServer *server)
{
    struct Found {
        const List *options;
        bool is_found;
    };
    const Found found = call([&] {
        HeapTuple tuple =
            SearchSysCache2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(GetUserId()), ObjectIdGetDatum(server->serverid));
        if (!HeapTupleIsValid(tuple))
            tuple = SearchSysCache2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(InvalidOid),
                                    ObjectIdGetDatum(server->serverid));
        if (!HeapTupleIsValid(tuple))
            return Found{nullptr, false};
        bool is_null = false;
        const Datum options = SysCacheGetAttr(USERMAPPINGUSERSERVER, tuple, Anum_pg_user_mapping_umoptions, &is_null);
        const List *const list = is_null ? NIL : untransformRelOptions(options);
        ReleaseSysCache(tuple);
        return Found{list, true};
    });
    if (!found.is_found)
        throw Error("42704",
                    "user mapping not found for user \"" + current_role() + "\", server \"" + server->servername + "\"",
                    "",
                    "Create it with CREATE USER MAPPING FOR " + as_written(current_role()) + " SERVER " +
                        as_written(server->servername) + " OPTIONS (token '…').");
    return texts_of(found.options);
}

} // namespace

Connection find_connection()
{
    const std::string name = server_setting();
    const ForeignServer *const server = find_server(name);
    Connection connection{.server = name, .options = read_server_options(texts_of(server->options))};
    MappingOptions mapping = read_mapping_options(mapping_options(server));
    connection.options.http.token = std::move(mapping.token);
    connection.vault_secret = std::move(mapping.vault_secret);
    return connection;
}

void read_vault(Statements &statements, Connection &connection)
{
    if (connection.vault_secret.empty())
        return;
    const bool has_vault = call([] {
        const Oid schema = get_namespace_oid("vault", true);
        return OidIsValid(schema) && OidIsValid(get_relname_relid("decrypted_secrets", schema));
    });
    const std::string what = "secret \"" + connection.vault_secret + "\"";
    if (!has_vault)
        throw Error("42704", what + " cannot be read: there is no view vault.decrypted_secrets", "",
                    "Install Supabase Vault, or give the user mapping the option \"token\".");
    const std::string read_secret = R"(
        SELECT s.decrypted_secret::pg_catalog.text FROM vault.decrypted_secrets AS s
        WHERE s.name::pg_catalog.text OPERATOR(pg_catalog.=) $1)";
    const Rows rows = statements.run(read_secret, {connection.vault_secret}, {Identity::Kind::Reader});
    const std::string token(rows.size() == 1 ? rows.at(0, 0).value_or("") : "");
    if (!is_sendable_token(token))
        throw Error("42704", what + " of Supabase Vault does not exist, or holds no token", "",
                    "Create it with SELECT vault.create_secret('…', '" + connection.vault_secret + "').");
    connection.options.http.token = token;
}

ServerOptions find_server_options()
{
    return read_server_options(texts_of(find_server(server_setting())->options));
}

std::vector<OptionText> options_in(Datum array)
{
    return texts_of(call([&] { return untransformRelOptions(array); }));
}

std::string as_written(const std::string &name)
{
    const char *const text = name.c_str();
    return call([&] { return quote_identifier(text); });
}

std::string current_role()
{
    return call([] { return GetUserNameFromId(GetUserId(), false); });
}

} // namespace pg
