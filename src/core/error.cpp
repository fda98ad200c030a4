#include "core/error.hpp"

#include <system_error>

namespace core {

std::string os_error_text(int error_number)
{
    return std::system_category().message(error_number) + ".";
}

} // namespace core
