#include "flex/ca_file.hpp"

#include "core/error.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace flex {

namespace {

constexpr std::size_t max_bytes = 4u << 20;

class Descriptor {
public:
    explicit Descriptor(int number) : number_(number) {}
    ~Descriptor()
    {
        if (number_ >= 0)
            close(number_);
    }
    Descriptor(const Descriptor &) = delete;
    Descriptor &operator=(const Descriptor &) = delete;
    int number() const { return number_; }

private:
    int number_;
};

CaFile failed(std::string why)
{
    return {.authorities = {}, .error = "the file of the option \"ca_file\" " + std::move(why)};
}

CaFile failed_with(int error)
{
    return failed("could not be read: " + core::os_error_text(error));
}

CaFile read_whole(int descriptor)
{
    CaFile file;
    for (;;) {
        char part[16384];
        const ssize_t bytes = read(descriptor, part, sizeof part);
        if (bytes < 0 && errno == EINTR)
            continue;
        if (bytes < 0)
            return failed_with(errno);
        if (bytes == 0)
            return file.authorities.empty() ? failed("is empty") : file;
        file.authorities.append(part, static_cast<std::size_t>(bytes));
        if (file.authorities.size() > max_bytes)
            return failed("is larger than 4 MB");
    }
}

} // namespace

CaFile read_ca_file(const std::string &path)
{
    struct stat status {};
    // Looked at first, since opening a device may do something; and again, since the name may have changed its file.
    if (stat(path.c_str(), &status) != 0)
        return failed_with(errno);
    if (!S_ISREG(status.st_mode))
        return failed("is not a regular file");
    const Descriptor descriptor(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
    if (descriptor.number() < 0 || fstat(descriptor.number(), &status) != 0)
        return failed_with(errno);
    if (!S_ISREG(status.st_mode))
        return failed("is not a regular file");
    return read_whole(descriptor.number());
}

} // namespace flex
