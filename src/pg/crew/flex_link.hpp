#pragma once
// The way to Flex for the syncs of one call: client, clock, and the request limits of the account.

#include "flex/client.hpp"
#include "pg/crew/request_budget.hpp"
#include "pg/server/latch.hpp"

namespace pg {

/// What several syncs can share that take their turns in one call. Repeats of requests are set aside here, what a sync
/// plans to send by the sync itself.
struct FlexLink {
    FlexLink(Statements &statements, const OwnTables &own, const Connection &connection)
        : budget(statements, own, connection), client(connection.options.url, connection.options.http, waiter, &repeats)
    {
    }

    LatchWaiter waiter;
    LatchClock clock;
    ServerBudget budget;
    RequestBudget repeats{budget};
    flex::Client client;
};

} // namespace pg
