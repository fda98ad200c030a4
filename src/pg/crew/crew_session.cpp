#include "pg/crew/crew_session.hpp"

#include "pg/server/result_tuple.hpp"

namespace pg {

using core::Error;

namespace {

struct ListingError {
    const char (&sqlstate)[6];
    std::string hint;
};

ListingError listing_error(const std::string &server, const core::Answer &answer)
{
    const std::string of_server = " of server \"" + server + "\"";
    if (answer.code == "unauthorized")
        return {"08004", "Check the token of the user mapping for server \"" + server + "\"."};
    if (answer.code == "malformed" || answer.code == "void")
        return {"08P01", "Check that the option \"url\"" + of_server + " is the base URL of the Flex API."};
    if (answer.code == "too_large")
        return {"08P01", "Raise the option \"max_response_bytes\"" + of_server + "."};
    if (answer.code == "not_found")
        return {"08006", "Check the flex_element_id of the crew call, and the option \"url\"" + of_server + "."};
    if (answer.code == "timeout" || answer.code == "deadline")
        return {"08006", "Try again later, or raise \"request_timeout\" or \"deadline\"" + of_server + "."};
    if (answer.code == "tls")
        return {"08006", "Check the certificate of the host, and the option \"ca_file\"" + of_server + "."};
    return {"08006", "Try again later, and check the option \"url\"" + of_server + "."};
}

} // namespace

CrewSession::CrewSession(FunctionCallInfo fcinfo, const std::string &call_id, Access access)
    : own(find_own_tables(fcinfo)), connection(find_connection()),
      relations(check_relations(connection.options.crew_schema, access)),
      call(read_crew_call(statements, relations, call_id))
{
    read_vault(statements, connection);
}

CrewSession::CrewSession(FunctionCallInfo fcinfo, Access access, Statements::Scope scope)
    : own(find_own_tables(fcinfo)), connection(find_connection()),
      relations(check_relations(connection.options.crew_schema, access)), statements(scope)
{
    read_vault(statements, connection);
}

void CrewSession::read_call_again()
{
    call = read_crew_call(statements, relations, call.id);
}

bool says_that_call_is_gone(const Error &error)
{
    return error.sqlstate() == "P0002" || error.sqlstate() == "55000";
}

std::string call_id_argument(FunctionCallInfo fcinfo)
{
    std::optional<std::string> call_id = uuid_argument(fcinfo, 0);
    if (!call_id)
        throw Error("22004", "call_id must not be null", "", "Pass the id of a row of flex_crew_calls.");
    return *std::move(call_id);
}

core::Prune prune_argument(const std::optional<std::string> &argument, core::Prune otherwise)
{
    if (!argument)
        return otherwise;
    const std::optional<core::Prune> prune = parse_prune(*argument);
    if (!prune)
        throw Error("22023", "invalid value for argument \"prune\": \"" + *argument + "\"", "",
                    "It takes all, owned or none; null takes the option \"prune\" of the server.");
    return *prune;
}

std::string listing_hint(const std::string &server, const core::Answer &answer)
{
    return listing_error(server, answer).hint;
}

void throw_listing_error(const CrewCall &call, const std::string &server, const core::Answer &answer)
{
    const ListingError error = listing_error(server, answer);
    throw Error(error.sqlstate, "could not list the contacts of crew call \"" + call.id + "\"", answer.message,
                error.hint);
}

} // namespace pg
