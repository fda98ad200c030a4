#pragma once
// The TCP connections under the HTTP library, which hides their sockets.

#include <cstdint>
#include <optional>

namespace flexsim {

/// The connection that a thread serves. A thread serves one from its first request to its end.
struct Connection {
    std::uint64_t number = 0;
    std::size_t requests = 0;         ///< Served before the present one.
    std::optional<int> close_idle_ms; ///< To be closed so long after the present answer.
};

/// The calling thread's connection.
Connection &current_connection();

/// Called by a thread that takes up a new connection.
void begin_connection();

/// The descriptor of the connection from this port to ours, or -1.
int find_socket(int peer_port);

/// Whether the client has closed its side.
bool is_client_gone(int socket);

/// Closes the connection that the calling thread serves. The descriptor stays taken, for the library to close.
void end_connection(int socket);

/// Ends all connections of the process, whichever threads serve them.
void end_all_connections();

} // namespace flexsim
