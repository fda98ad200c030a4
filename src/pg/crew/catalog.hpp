#pragma once
// Where Flex is and how the caller gets in: the foreign server and user mapping, from the catalogs.

#include "pg/crew/options.hpp"
#include "pg/server/statement.hpp"

#include <string>
#include <vector>

#include "pg/server/wall.hpp"

namespace pg {

/// The server that the setting `flex_sync.server` names, with the credential of the caller.
struct Connection {
    std::string server;
    ServerOptions options; ///< the token among them, unless it is in the Vault
    std::string vault_secret = {};
};

/// Looks the caller's server and user mapping up. Throws 42704 where there is none, and 42501 without USAGE.
Connection find_connection();

/// Reads the token from Supabase Vault, as the caller: with more rights anybody could name any secret and have it sent
/// to a server of theirs. Does nothing where the mapping holds the token. Throws 42704 where there is no such secret.
void read_vault(Statements &statements, Connection &connection);

/// The options of the server that the setting names. Throws as `find_connection` does.
ServerOptions find_server_options();

/// The options in an array of the catalogs.
std::vector<OptionText> options_in(Datum array);

/// A name as a statement in a HINT takes it: in quotes where it needs them.
std::string as_written(const std::string &name);

/// The name of the calling role.
std::string current_role();

} // namespace pg
