#include "program.hpp"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <stdexcept>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace driver {

namespace {

struct Pipe {
    int read_end, write_end;
};

Pipe make_pipe()
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        throw std::system_error(errno, std::generic_category(), "pipe");
    return {ends[0], ends[1]};
}

} // namespace

Program::Program(const std::string &command) : command_("exec " + command)
{
    const Pipe to = make_pipe(), from = make_pipe();
    std::signal(SIGPIPE, SIG_IGN); // where it is gone, the read says so
    pid_ = fork();
    if (pid_ < 0)
        throw std::system_error(errno, std::generic_category(), "fork");
    if (pid_ == 0) {
        dup2(to.read_end, STDIN_FILENO);
        dup2(from.write_end, STDOUT_FILENO);
        execl("/bin/sh", "sh", "-c", command_.c_str(), nullptr);
        _exit(127);
    }
    close(to.read_end);
    close(from.write_end);
    input_ = to.write_end;
    output_ = from.read_end;
}

Program::~Program()
{
    close(input_);
    close(output_);
    kill(pid_, SIGTERM);
    waitpid(pid_, nullptr, 0);
}

std::string Program::read_line()
{
    std::string line;
    for (char c = 0; read(output_, &c, 1) == 1;) {
        if (c == '\n')
            return line;
        line += c;
    }
    throw std::runtime_error("it has ended: " + command_);
}

std::string Program::ask(const std::string &line)
{
    const std::string question = line + "\n";
    if (write(input_, question.data(), question.size()) != static_cast<ssize_t>(question.size()))
        throw std::runtime_error("it has ended: " + command_);
    return read_line();
}

} // namespace driver
