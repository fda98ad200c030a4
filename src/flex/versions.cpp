#include "flex/versions.hpp"

#include "flex/json.hpp"

#include <curl/curl.h>

namespace flex {

LibraryVersions library_versions()
{
    const curl_version_info_data *const curl = curl_version_info(CURLVERSION_NOW);
    const auto has = [&](int feature) { return (curl->features & feature) != 0 ? "with" : "without"; };
    std::string text = std::string("libcurl ") + curl->version + " (" +
                       (curl->ssl_version ? curl->ssl_version : "no TLS") + ", " + has(CURL_VERSION_HTTP2) +
                       " HTTP/2, " + has(CURL_VERSION_LIBZ) + " gzip), RapidJSON " RAPIDJSON_VERSION_STRING ".";
    return {.text = std::move(text),
            .curl_is_sufficient = curl->version_num >= 0x075700 && (curl->features & CURL_VERSION_SSL) != 0};
}

} // namespace flex
