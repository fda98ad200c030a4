#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <fstream>
#include <iostream>
#include <string>

#include "options.hpp"
#include "server.hpp"

namespace {

using flexsim::Options;

sigset_t block_end_signals()
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    return signals;
}

// Whoever waits for the file must never read half of it.
void write_port_file(const std::string &name, int port)
{
    const std::string unfinished = name + ".tmp";
    std::ofstream(unfinished) << port << '\n';
    if (std::rename(unfinished.c_str(), name.c_str()) != 0)
        throw std::runtime_error("could not write port file \"" + name + "\"");
}

int run(const Options &options)
{
    // Before any thread starts, so that only sigwait() takes them.
    const sigset_t signals = block_end_signals();
    if (options.ends_with_parent)
        prctl(PR_SET_PDEATHSIG, SIGTERM);
    const flexsim::Server server(options, [] { kill(getpid(), SIGTERM); });
    const char *scheme = options.certificate.empty() ? "http" : "https";
    std::cout << "flexsim: listening on " << scheme << "://127.0.0.1:" << server.port() << options.base << std::endl;
    if (!options.port_file.empty())
        write_port_file(options.port_file, server.port());

    int signal = 0;
    sigwait(&signals, &signal);
    return 0;
}

} // namespace

int main(int argc, char **argv)
try {
    const Options options = flexsim::read_options(argc, argv);
    if (options.wants_help) {
        std::cout << flexsim::help_text();
        return 0;
    }
    return run(options);
} catch (const flexsim::UsageError &error) {
    std::cerr << "flexsim: " << error.what() << "\nTry \"flexsim --help\".\n";
    return 2;
} catch (const std::exception &error) {
    std::cerr << "flexsim: " << error.what() << '\n';
    return 1;
}
