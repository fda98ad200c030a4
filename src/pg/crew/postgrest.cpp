#include "pg/crew/postgrest.hpp"

#include "pg/server/settings.hpp"

#include <string>

#include "pg/server/wall.hpp"

namespace pg {

namespace {

/// Where Flex did not say how long to wait.
constexpr std::chrono::seconds usual_wait(60);

const char *http_status(std::string_view status, bool timed_out)
{
    if (status == "partial")
        return "207";
    if (status == "busy" || status == "blocked")
        return "409";
    if (status == "deferred")
        return "429";
    if (status == "failed")
        return timed_out ? "504" : "502";
    return "200";
}

void set_local(const char *name, const char *value)
{
    call([&] { set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false); });
}

} // namespace

bool is_under_postgrest()
{
    return !setting("request.method").empty();
}

void set_response(std::string_view status, bool timed_out, std::optional<std::chrono::milliseconds> retry_after)
{
    if (!is_under_postgrest())
        return;
    set_local("response.status", http_status(status, timed_out));
    if (status != "deferred")
        return;
    const auto wait = std::chrono::ceil<std::chrono::seconds>(retry_after.value_or(usual_wait));
    const std::string headers = "[{\"Retry-After\": \"" + std::to_string(wait.count()) + "\"}]";
    set_local("response.headers", headers.c_str());
}

} // namespace pg
