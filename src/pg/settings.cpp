#include "pg/settings.hpp"

#include "pg/wall.hpp"

namespace pg {

namespace {

char *server_name = nullptr;

} // namespace

std::string server_setting()
{
    return server_name ? server_name : "";
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
    DefineCustomStringVariable("flex_sync.server", "Sets the foreign server through which crews are synced.",
                               "A server of the foreign-data wrapper \"flex_sync\".", &pg::server_name, "flex",
                               PGC_USERSET, 0, nullptr, nullptr, nullptr);
    MarkGUCPrefixReserved("flex_sync");
}
}
