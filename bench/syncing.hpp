#pragma once
// A session that syncs crews with flex_sync.

#include "crew.hpp"
#include "driver/session.hpp"

#include <stdexcept>

namespace bench {

struct Syncing {
    Syncing() { session.prepare("sync", "SELECT * FROM flex_sync_crew($1)"); }

    void start(const CrewCall &call) { session.start_prepared("sync", {call.id()}); }

    /// Waits for the end of a sync. Throws a std::runtime_error unless it, or one that it waited for, ended ok.
    driver::Reply finish()
    {
        driver::Reply reply = session.result();
        const std::string status = reply.at("status");
        if (status != "ok" && status != "coalesced")
            throw std::runtime_error("flex_sync_crew: " + status + ": " + reply.at("message"));
        return reply;
    }

    driver::Reply sync(const CrewCall &call)
    {
        start(call);
        return finish();
    }

    driver::Session session;
};

} // namespace bench
