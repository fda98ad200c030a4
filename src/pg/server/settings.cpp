#include "pg/server/settings.hpp"

#include "pg/server/wall.hpp"

namespace pg {

namespace {

char *server_name = nullptr;
int log_min_duration_ms = 5000;
int log_retention_minutes = 90 * 24 * 60;

} // namespace

std::string server_setting()
{
    return server_name ? server_name : "";
}

int log_min_duration_setting()
{
    return log_min_duration_ms;
}

int log_retention_setting()
{
    return log_retention_minutes;
}

std::string setting(const char *name)
{
    const char *const value = call([&] { return GetConfigOption(name, true, false); });
    return value ? value : "";
}

} // namespace pg

extern "C" {

PG_MODULE_MAGIC;

void _PG_init(void);

// Called by the server when it loads the library. It holds no object with a destructor, so that an error may leave it.
void _PG_init(void)
{
    // Not for everybody to set: the caller of a SECURITY DEFINER function would choose where the token of the
    // function's owner goes, and whose triggers run as the owner.
    DefineCustomStringVariable("flex_sync.server", "Sets the foreign server through which crews are synced.",
                               "A server of the foreign-data wrapper \"flex_sync\".", &pg::server_name, "flex",
                               PGC_SUSET, 0, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("flex_sync.log_min_duration",
                            "Sets the duration from which on a sync gets a line in the server's log.",
                            "-1 turns it off, 0 logs every sync.", &pg::log_min_duration_ms, 5000, -1, INT_MAX,
                            PGC_SUSET, GUC_UNIT_MS, nullptr, nullptr, nullptr);
    DefineCustomIntVariable("flex_sync.log_retention",
                            "Sets the age from which on flex_sync_all purges the log of syncs.", "-1 turns it off.",
                            &pg::log_retention_minutes, 90 * 24 * 60, -1, INT_MAX, PGC_SUSET, GUC_UNIT_MIN, nullptr,
                            nullptr, nullptr);
    MarkGUCPrefixReserved("flex_sync");
}
}
