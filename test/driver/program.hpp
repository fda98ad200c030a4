#pragma once
// A program that was started here, and tells and is told lines.

#include <string>
#include <sys/types.h>

namespace driver {

class Program {
public:
    /// `command` is the shell's.
    explicit Program(const std::string &command);

    /// Ends it.
    ~Program();
    Program(const Program &) = delete;
    Program &operator=(const Program &) = delete;

    /// Waits for the next line. Throws a std::runtime_error if the program has ended.
    std::string read_line();

    /// Tells it a line, and waits for the one that it answers.
    std::string ask(const std::string &line);

private:
    std::string command_;
    pid_t pid_ = 0;
    int input_ = -1;
    int output_ = -1;
};

} // namespace driver
