#pragma once
// The settings of the extension (flex_sync.*).

#include <string>

namespace pg {

/// `flex_sync.server`: the name of the foreign server that syncs use.
std::string server_setting();

/// `flex_sync.log_min_duration`: a sync that took as many milliseconds or more gets a line in the server's log; -1:
/// none does.
int log_min_duration_setting();

/// `flex_sync.log_retention`: the minutes after which flex_sync_all purges the log; -1: never.
int log_retention_setting();

/// The value of any setting, one that is not defined included; empty if it is not set.
std::string setting(const char *name);

} // namespace pg
