#pragma once
// A NOTICE to the client.

#include <string>

namespace pg {

/// Sends the message as it is, at level NOTICE.
void give_notice(const std::string &message);

} // namespace pg
