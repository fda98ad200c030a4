#pragma once
// The options of the foreign server and the user mapping: which there are, what they take, and how they are read.

#include "core/plan.hpp"
#include "flex/transfer.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pg {

/// An option as the catalog holds it.
struct OptionText {
    std::string name;
    std::string value;
};

/// Where the record of what is sent to Flex is kept until the transaction ends.
enum class JournalMode {
    Auto,     ///< in a transaction of its own, or in the caller's where that cannot be had
    Required, ///< in a transaction of its own, or nothing is changed
    Off,      ///< in the caller's
};

/// The options of one server, with their defaults (docs/reference.md, "Server options").
struct ServerOptions {
    std::string url;
    std::string crew_schema = "public";
    std::chrono::milliseconds deadline{30000};
    core::Prune prune = core::Prune::All;
    int max_removals = 5;
    JournalMode journal = JournalMode::Auto;
    int hourly_limit = 0; ///< requests in the last hour, 0: no limit
    int daily_limit = 0;  ///< requests in the last day, 0: no limit
    flex::HttpOptions http;
};

/// The options of one user mapping.
struct MappingOptions {
    std::string token;        ///< empty: in the Vault
    std::string vault_secret; ///< the name of a secret in Supabase Vault
};

/// What options can belong to.
enum class OptionPlace { Server, UserMapping, Nothing };

/// Throws core::Error for an option that does not exist there (HV00D), a value that it does not take (22023), or one
/// that is missing (HV002).
void check_options(OptionPlace place, const std::vector<OptionText> &options);

ServerOptions read_server_options(const std::vector<OptionText> &options);
MappingOptions read_mapping_options(const std::vector<OptionText> &options);

/// Why a text cannot be sent as a token, if so: it would break out of its header.
bool is_sendable_token(std::string_view token);

/// `all`, `owned` or `none`; none for anything else.
std::optional<core::Prune> parse_prune(std::string_view text);

} // namespace pg
