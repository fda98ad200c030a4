#include "connection.hpp"

#include <dirent.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <vector>

namespace flexsim {

namespace {

std::vector<int> open_descriptors()
{
    std::vector<int> descriptors;
    const std::unique_ptr<DIR, int (*)(DIR *)> directory(opendir("/proc/self/fd"), closedir);
    if (!directory)
        return descriptors;
    while (const dirent *entry = readdir(directory.get())) {
        if (entry->d_name[0] != '.')
            descriptors.push_back(std::atoi(entry->d_name));
    }
    return descriptors;
}

// The port at the other end of a connected IPv4 socket, or -1.
int peer_port_of(int socket)
{
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    if (getpeername(socket, reinterpret_cast<sockaddr *>(&peer), &size) != 0)
        return -1;
    return peer.sin_family == AF_INET ? ntohs(peer.sin_port) : -1;
}

} // namespace

Connection &current_connection()
{
    thread_local Connection connection;
    return connection;
}

void begin_connection()
{
    static std::atomic<std::uint64_t> number{0};
    current_connection() = Connection{++number, 0, std::nullopt};
}

int find_socket(int peer_port)
{
    for (const int descriptor : open_descriptors())
        if (peer_port_of(descriptor) == peer_port)
            return descriptor;
    return -1;
}

bool is_client_gone(int socket)
{
    pollfd state{socket, POLLRDHUP, 0};
    return poll(&state, 1, 0) > 0 && (state.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

// After a shutdown() the library would still read a request that has arrived. A dead socket in the
// connection's place closes the connection and reads as its end.
void end_connection(int socket)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return;
    close(pair[1]);
    dup2(pair[0], socket);
    close(pair[0]);
}

void end_all_connections()
{
    for (const int descriptor : open_descriptors())
        if (peer_port_of(descriptor) >= 0)
            shutdown(descriptor, SHUT_RDWR);
}

} // namespace flexsim
