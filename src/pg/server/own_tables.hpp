#pragma once
// The extension's own tables: where they are and whose they are.

#include <string>

#include "pg/server/statement.hpp"

namespace pg {

struct OwnTables {
    std::string schema;  ///< quoted
    Identity identity;   ///< as whom they are read and written
    std::string library; ///< of the functions, as LOAD takes it
    bool has_accounts;   ///< the log has what 1.1 added: the url of each run, when to try again, what was retained

    std::string table(const char *name) const { return schema + "." + name; }
};

/// Finds them by the function that was called: they are in its schema, wherever the extension was put.
OwnTables find_own_tables(FunctionCallInfo fcinfo);

} // namespace pg
