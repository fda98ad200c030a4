#pragma once
// What every function about one crew needs: the checked caller's side, and the way to Flex.

#include "core/error.hpp"
#include "flex/client.hpp"
#include "pg/crew/catalog.hpp"
#include "pg/crew/crew_store.hpp"
#include "pg/crew/relations.hpp"
#include "pg/server/latch.hpp"
#include "pg/server/own_tables.hpp"
#include "pg/server/statement.hpp"

#include <optional>
#include <string>

namespace pg {

/// The caller's side of one call, checked in the order in which a user would mend it: arguments, server and user
/// mapping, relations, crew call. Throws core::Error before anything is changed or sent.
struct CrewSession {
    CrewSession(FunctionCallInfo fcinfo, const std::string &call_id, Access access);

    /// The same for a function about several crew calls, which sets `call` itself.
    CrewSession(FunctionCallInfo fcinfo, Access access, Statements::Scope scope = Statements::Scope::WithinTransaction);

    /// Reads the crew call again, which may point at another element by now.
    void read_call_again();

    core::ElementId element() const { return core::ElementId(*call.element); }

    OwnTables own;
    Connection connection;
    CrewRelations relations;
    Statements statements;
    CrewCall call;
};

/// True if a crew call could not be read because it is gone, or has no element any more.
bool says_that_call_is_gone(const core::Error &error);

/// The first argument of a function about one crew call. Throws 22004 if it is null.
std::string call_id_argument(FunctionCallInfo fcinfo);

/// The caller's prune policy, or else the server's. Throws 22023 for a value that is no policy.
core::Prune prune_argument(const std::optional<std::string> &argument, core::Prune otherwise);

/// What to do about a listing that did not come.
std::string listing_hint(const std::string &server, const core::Answer &answer);

/// Throws 08004, 08006 or 08P01 for a listing that did not come: where there is no status to tell it.
[[noreturn]] void throw_listing_error(const CrewCall &call, const std::string &server, const core::Answer &answer);

} // namespace pg
