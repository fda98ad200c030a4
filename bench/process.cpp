#include "process.hpp"

#include <ctime>
#include <fstream>
#include <stdexcept>

namespace bench {

namespace {

/// Of /proc/PID/status, which has it in kB.
long status_bytes(const std::string &directory, const std::string &name)
{
    std::ifstream status(directory + "/status");
    for (std::string word; status >> word;) {
        long kilobytes = 0;
        if (word == name + ":" && status >> kilobytes)
            return kilobytes * 1024;
    }
    throw std::runtime_error("no " + name + " in " + directory + "/status");
}

} // namespace

double Process::cpu_ms() const
{
    std::ifstream schedstat(directory_ + "/schedstat");
    double nanoseconds = 0;
    if (!(schedstat >> nanoseconds))
        throw std::runtime_error("could not read " + directory_ + "/schedstat");
    return nanoseconds / 1e6;
}

long Process::private_bytes() const
{
    return status_bytes(directory_, "RssAnon");
}

long Process::private_peak_bytes() const
{
    return status_bytes(directory_, "VmHWM") - status_bytes(directory_, "RssFile") -
           status_bytes(directory_, "RssShmem");
}

void Process::reset_peak() const
{
    std::ofstream clear(directory_ + "/clear_refs");
    if (!(clear << "5" << std::flush))
        throw std::runtime_error("could not write " + directory_ + "/clear_refs");
}

double own_cpu_ms()
{
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

} // namespace bench
