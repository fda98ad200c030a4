#pragma once
// Which libraries this process runs with.

#include <string>

namespace flex {

struct LibraryVersions {
    std::string text;        ///< a sentence
    bool curl_is_sufficient; ///< the libcurl that was loaded is 7.87 or later, as the one that was compiled against
};

LibraryVersions library_versions();

} // namespace flex
