#include "pg/notice.hpp"

#include "pg/wall.hpp"

namespace pg {

void give_notice(const std::string &message, const std::string &detail = "")
{
    const char *const text = message.c_str();
    const char *const detail_text = detail.c_str();
    call([&] {
        ereport(NOTICE, errmsg_internal("%s", text), *detail_text ? errdetail_internal("%s", detail_text) : 0);
    });
}

} // namespace pg
