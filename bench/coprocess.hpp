#pragma once
// A program that answers each line with a line. It ends when its input does.

#include <string>
#include <sys/types.h>

namespace bench {

class Coprocess {
public:
    /// `command` is the shell's.
    explicit Coprocess(const std::string &command);
    ~Coprocess();
    Coprocess(const Coprocess &) = delete;
    Coprocess &operator=(const Coprocess &) = delete;

    std::string ask(const std::string &line);

private:
    pid_t pid_ = 0;
    int input_ = -1;
    int output_ = -1;
};

} // namespace bench
