#pragma once
// What main() of each benchmark does.

#include <curl/curl.h>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

namespace bench {

/// Runs the body with the operands, of which there must be so many or more. `usage` begins with the program's name.
template <typename Body>
int run_main(int count, char **arguments, const std::string &usage, std::size_t least, Body &&body)
try {
    const std::vector<std::string> operands(arguments + 1, arguments + count);
    if (operands.size() < least) {
        std::cerr << "Usage: " << usage << '\n';
        return 2;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    body(operands);
    return 0;
} catch (const std::exception &error) {
    std::cerr << usage.substr(0, usage.find(' ')) << ": " << error.what() << '\n';
    return 1;
}

} // namespace bench
