#pragma once
// The file of certificates to trust, read before any library sees its name.

#include <string>

namespace flex {

/// What the file holds, or why it cannot be used, as the end of a sentence.
struct CaFile {
    std::string authorities;
    std::string error = {};
};

/// Reads it whole: a regular file of at most 4 MB. Whatever the name is, a pipe or a terminal included, it waits for
/// nothing.
CaFile read_ca_file(const std::string &path);

} // namespace flex
