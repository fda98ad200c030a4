#pragma once
// The command line.

#include <stdexcept>
#include <string>
#include <string_view>

namespace flexsim {

struct Options {
    int port = 0;
    std::string base = "/f5/api";
    std::string token = "test-token";
    std::string port_file, certificate, key;
    std::size_t threads = 900;
    int latency_ms = 0;
    bool ends_with_parent = false;
    bool wants_help = false;
};

struct UsageError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Throws UsageError.
Options read_options(int argc, const char *const *argv);

/// All that a user of the simulator has to know.
std::string_view help_text();

} // namespace flexsim
