#include "pg/server/lock.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "pg/server/wall.hpp"

namespace pg {

namespace {

/// Keeps our keys apart from those that an application makes by hashing the same text.
constexpr std::uint64_t key_seed = 0x666c65785f73796e; // "flex_syn"

/// The tag of the lock that says that a crew call is being synced. Advisory locks that SQL takes have 1 or 2 in the
/// last field, those of request_budget.cpp 1000 and more.
LOCKTAG activity_tag(const std::string &call_id)
{
    const std::uint64_t hash = hash_bytes_extended(reinterpret_cast<const unsigned char *>(call_id.data()),
                                                   static_cast<int>(call_id.size()), 62);
    LOCKTAG tag;
    SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, static_cast<uint32>(hash >> 32), static_cast<uint32>(hash), 999);
    return tag;
}

std::vector<core::ElementId> &running()
{
    static auto *const elements = new std::vector<core::ElementId>;
    return *elements;
}

} // namespace

std::int64_t lock_key(const core::ElementId &element)
{
    const std::string id = element.canonical();
    const std::uint64_t hash =
        hash_bytes_extended(reinterpret_cast<const unsigned char *>(id.data()), static_cast<int>(id.size()), key_seed);
    return static_cast<std::int64_t>(hash);
}

bool take_lock(std::int64_t key, bool nowait)
{
    return call([&] {
        if (nowait)
            return DatumGetBool(DirectFunctionCall1(pg_try_advisory_xact_lock_int8, Int64GetDatum(key)));
        DirectFunctionCall1(pg_advisory_xact_lock_int8, Int64GetDatum(key));
        return true;
    });
}

void give_lock_back(std::int64_t key)
{
    LOCKTAG tag;
    // The tag of an advisory lock on one bigint, as lockfuncs.c makes it.
    SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, static_cast<uint32>(static_cast<std::uint64_t>(key) >> 32),
                         static_cast<uint32>(key), 1);
    call([&] { LockRelease(&tag, ExclusiveLock, false); });
}

void show_activity(const std::string &call_id)
{
    const LOCKTAG tag = activity_tag(call_id);
    call([&] { LockAcquire(&tag, ShareLock, false, false); });
}

void hide_activity(const std::string &call_id)
{
    const LOCKTAG tag = activity_tag(call_id);
    call([&] { LockRelease(&tag, ShareLock, false); });
}

RunningSync::RunningSync(const core::ElementId &element) : element_(element)
{
    running().push_back(element);
}

RunningSync::~RunningSync()
{
    running().erase(std::find(running().begin(), running().end(), element_));
}

bool RunningSync::is_any()
{
    return !running().empty();
}

bool RunningSync::is_running(const core::ElementId &element)
{
    for (const core::ElementId &other : running())
        if (other == element)
            return true;
    return false;
}

} // namespace pg
