#pragma once
// How long a sync may take: its own deadline, and what the server's timeouts leave.

#include "core/ports.hpp"

namespace pg {

/// The moment until which a sync that began at `begun` may send: the nearest of its deadline and of what
/// `statement_timeout` (and from 17 on `transaction_timeout`) leaves, less a margin for the rows and the log.
core::TimePoint time_limit(core::TimePoint begun, core::Milliseconds deadline);

/// What the server's timeouts leave from now on, less the margin; none if no timeout is running.
std::optional<core::Milliseconds> time_left();

} // namespace pg
