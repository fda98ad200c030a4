#pragma once
// What the kernel counts of a process.

#include <string>

namespace bench {

class Process {
public:
    explicit Process(int pid) : directory_("/proc/" + std::to_string(pid)) {}

    /// Milliseconds that it ran on a CPU so far.
    double cpu_ms() const;

    /// Bytes of memory of its own, shared memory and files left out.
    long private_bytes() const;

    /// The most that private_bytes() was since reset_peak(), or a little less: the kernel keeps the peak of all
    /// memory, and what of it was shared is known for now only.
    long private_peak_bytes() const;
    void reset_peak() const;

private:
    std::string directory_;
};

/// Milliseconds that this process ran on a CPU so far.
double own_cpu_ms();

} // namespace bench
