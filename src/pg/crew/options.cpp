#include "pg/crew/options.hpp"

#include "core/error.hpp"
#include "flex/url.hpp"

#include <algorithm>
#include <array>

#include "pg/server/wall.hpp"

namespace pg {

using core::Error;
using std::chrono::milliseconds;

namespace {

/// Where a value goes. An option of a server sets a field of the first, one of a user mapping a field of the second.
struct Target {
    ServerOptions server;
    MappingOptions mapping;
};

/// Why a value is not taken, as a sentence for the DETAIL; none if it was taken.
using Refusal = std::optional<std::string>;

struct Option {
    std::string_view name;
    OptionPlace place;
    std::string_view takes; ///< what it takes, for the HINT
    Refusal (*read)(const std::string &value, Target &target);
};

std::optional<int> parse_number(const std::string &value, int unit)
{
    int number = 0;
    const char *const text = value.c_str();
    const bool is_number = call([&] { return parse_int(text, &number, unit, nullptr); });
    return is_number && number > 0 ? std::optional(number) : std::nullopt;
}

Refusal read_time(const std::string &value, milliseconds &target)
{
    const std::optional<int> ms = parse_number(value, GUC_UNIT_MS);
    if (!ms)
        return "It is not a time of more than 0.";
    target = milliseconds(*ms);
    return std::nullopt;
}

Refusal read_text(const std::string &value, std::string &target)
{
    if (!is_sendable_token(value))
        return "It is empty or contains a control character.";
    target = value;
    return std::nullopt;
}

Refusal read_url(const std::string &value, Target &target)
{
    target.server.url = value;
    const std::optional<std::string> why = flex::why_not_base_url(value);
    return why ? Refusal("It cannot be used: " + *why + ".") : std::nullopt;
}

Refusal read_prune(const std::string &value, Target &target)
{
    const std::optional<core::Prune> prune = parse_prune(value);
    target.server.prune = prune.value_or(core::Prune::All);
    return prune ? std::nullopt : Refusal("There is no such policy.");
}

Refusal read_max_parallel(const std::string &value, Target &target)
{
    const std::optional<int> number = parse_number(value, 0);
    if (!number || *number > 100)
        return "It is not a number from 1 to 100.";
    target.server.http.max_parallel = *number;
    return std::nullopt;
}

Refusal read_limit(const std::string &value, int &target)
{
    const std::optional<int> number = parse_number(value, 0);
    if (!number)
        return "It is not a number of 1 or more.";
    target = *number;
    return std::nullopt;
}

Refusal read_retries(const std::string &value, Target &target)
{
    const std::optional<int> number = value == "0" ? 0 : parse_number(value, 0);
    if (!number || *number > 20)
        return "It is not a number from 0 to 20.";
    target.server.http.retries = *number;
    return std::nullopt;
}

Refusal read_bulk_delete(const std::string &value, Target &target)
{
    constexpr std::array<std::string_view, 3> parameters{"lineItemIds", "lineItemId", "ids"};
    target.server.http.bulk_delete = value == "off" ? "" : value;
    return value == "off" || std::find(parameters.begin(), parameters.end(), value) != parameters.end()
               ? std::nullopt
               : Refusal("This is not a parameter that Flex is known to take.");
}

Refusal read_max_removals(const std::string &value, Target &target)
{
    const std::optional<int> number = value == "0" ? 0 : parse_number(value, 0);
    if (!number)
        return "It is not a number of 0 or more.";
    target.server.max_removals = *number;
    return std::nullopt;
}

Refusal read_journal(const std::string &value, Target &target)
{
    target.server.journal = value == "required" ? JournalMode::Required
                            : value == "off"    ? JournalMode::Off
                                                : JournalMode::Auto;
    return value == "auto" || value == "required" || value == "off" ? std::nullopt : Refusal("There is no such mode.");
}

Refusal read_max_response_bytes(const std::string &value, Target &target)
{
    const std::optional<int> bytes = parse_number(value, GUC_UNIT_BYTE);
    if (!bytes || *bytes < 1024)
        return "It is not a size from 1kB to 2GB.";
    target.server.http.max_response_bytes = static_cast<std::size_t>(*bytes);
    return std::nullopt;
}

constexpr std::string_view takes_time = "a time of more than 0 with a unit of PostgreSQL, such as 500ms, 15s or 2min; "
                                        "a number without a unit means milliseconds";

constexpr std::array options{
    Option{
        "url", OptionPlace::Server,
        "the base URL of the Flex API, such as https://acme.flexrentalsolutions.com/f5/api, without credentials, query "
        "or fragment; http is for a loopback host only",
        read_url},
    Option{"crew_schema", OptionPlace::Server, "the name of the schema that holds the crew relations",
           [](const std::string &value, Target &t) { return read_text(value, t.server.crew_schema); }},
    Option{"connect_timeout", OptionPlace::Server, takes_time,
           [](const std::string &value, Target &t) { return read_time(value, t.server.http.connect_timeout); }},
    Option{"request_timeout", OptionPlace::Server, takes_time,
           [](const std::string &value, Target &t) { return read_time(value, t.server.http.request_timeout); }},
    Option{"deadline", OptionPlace::Server, takes_time,
           [](const std::string &value, Target &t) { return read_time(value, t.server.deadline); }},
    Option{"max_parallel", OptionPlace::Server, "a number of requests from 1 to 100", read_max_parallel},
    Option{"retries", OptionPlace::Server, "a number of tries beyond the first, from 0 to 20", read_retries},
    Option{"prune", OptionPlace::Server, "all, owned or none", read_prune},
    Option{"max_removals", OptionPlace::Server, "a number of contacts, 0 or more", read_max_removals},
    Option{"journal", OptionPlace::Server, "auto, required or off", read_journal},
    Option{"hourly_limit", OptionPlace::Server, "the number of requests that all syncs together may make in an hour",
           [](const std::string &value, Target &t) { return read_limit(value, t.server.hourly_limit); }},
    Option{"daily_limit", OptionPlace::Server, "the number of requests that all syncs together may make in a day",
           [](const std::string &value, Target &t) { return read_limit(value, t.server.daily_limit); }},
    Option{"max_response_bytes", OptionPlace::Server, "a size from 1kB to 2GB, such as 16MB", read_max_response_bytes},
    Option{"bulk_delete", OptionPlace::Server,
           "off, or the form parameter with which your tenant deletes several line items in one request: lineItemIds, "
           "lineItemId "
           "or ids",
           read_bulk_delete},
    Option{"ca_file", OptionPlace::Server,
           "the path of a regular file of at most 4 MB with certificates, which the database server can read; for "
           "superusers and members of pg_read_server_files to set",
           [](const std::string &value, Target &t) { return read_text(value, t.server.http.ca_file); }},
    Option{"proxy", OptionPlace::Server, "the URL of an HTTP proxy",
           [](const std::string &value, Target &t) { return read_text(value, t.server.http.proxy); }},
    Option{"token", OptionPlace::UserMapping, "the API key or session token of Flex",
           [](const std::string &value, Target &t) { return read_text(value, t.mapping.token); }},
    Option{"vault_secret", OptionPlace::UserMapping, "the name of a secret in Supabase Vault that holds the token",
           [](const std::string &value, Target &t) { return read_text(value, t.mapping.vault_secret); }},
};

std::string names_of(OptionPlace place)
{
    std::string names;
    for (const Option &option : options)
        if (option.place == place)
            names += (names.empty() ? "" : ", ") + std::string(option.name);
    return names;
}

void read_option(OptionPlace place, const OptionText &text, Target &target)
{
    const auto option = std::find_if(options.begin(), options.end(), [&](const Option &candidate) {
        return candidate.place == place && candidate.name == text.name;
    });
    if (option == options.end()) {
        const std::string names = names_of(place);
        throw Error("HV00D", "invalid option \"" + text.name + "\"", "",
                    names.empty() ? "This kind of object takes no options." : "The options here are: " + names + ".");
    }
    // The value of a token is never shown, not even when it is refused.
    const bool is_secret = place == OptionPlace::UserMapping;
    if (const Refusal refusal = option->read(text.value, target))
        throw Error("22023",
                    "invalid value for option \"" + text.name + "\"" + (is_secret ? "" : ": \"" + text.value + "\""),
                    *refusal, "It takes " + std::string(option->takes) + ".");
}

Target read_options(OptionPlace place, const std::vector<OptionText> &texts)
{
    Target target;
    for (const OptionText &text : texts)
        read_option(place, text, target);
    return target;
}

/// The server reads the file with its own rights.
void check_may_read_files()
{
    if (!call([] { return has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES); }))
        throw Error("42501", "permission denied to set option \"ca_file\"",
                    "It is for superusers and for roles with the privileges of pg_read_server_files.",
                    "Let a superuser set it, or grant pg_read_server_files to the role.");
}

} // namespace

bool is_sendable_token(std::string_view token)
{
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
    return !token.empty() && std::none_of(token.begin(), token.end(), is_control);
}

void check_options(OptionPlace place, const std::vector<OptionText> &texts)
{
    const Target target = read_options(place, texts);
    if (!target.server.http.ca_file.empty())
        check_may_read_files();
    if (place == OptionPlace::Server && target.server.url.empty())
        throw Error("HV002", "option \"url\" is required", "", "It takes " + std::string(options[0].takes) + ".");
    if (place == OptionPlace::UserMapping && target.mapping.token.empty() == target.mapping.vault_secret.empty())
        throw Error(
            "HV002", "one of the options \"token\" and \"vault_secret\" is required, and not both", "",
            "token takes the API key of Flex, made there under Main Menu > Integrations > API; vault_secret the name "
            "of a secret in Supabase Vault that holds it.");
}

ServerOptions read_server_options(const std::vector<OptionText> &texts)
{
    return read_options(OptionPlace::Server, texts).server;
}

MappingOptions read_mapping_options(const std::vector<OptionText> &texts)
{
    return read_options(OptionPlace::UserMapping, texts).mapping;
}

std::optional<core::Prune> parse_prune(std::string_view text)
{
    for (const core::Prune prune : {core::Prune::All, core::Prune::Owned, core::Prune::None})
        if (text == name_of(prune))
            return prune;
    return std::nullopt;
}

} // namespace pg
