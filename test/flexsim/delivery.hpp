#pragma once
// Turns an Answer into bytes, or into none, on a connection of the HTTP library.

#include <httplib.h>

#include "call.hpp"
#include "gate.hpp"

namespace flexsim {

/// Fills `response`. `port` is the client's; pauses of a slow body are taken at `gate`, which must
/// outlive the response.
void deliver(const Answer &answer, int port, Gate &gate, httplib::Response &response);

} // namespace flexsim
