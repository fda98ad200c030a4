#pragma once
// The settings of the extension (flex_sync.*).

#include <string>

namespace pg {

/// `flex_sync.server`: the name of the foreign server that syncs use.
std::string server_setting();

/// The value of any setting, one that is not defined included; empty if it is not set.
std::string setting(const char *name);

} // namespace pg
