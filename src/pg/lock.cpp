#include "pg/lock.hpp"

#include <string>
#include <vector>

#include "pg/wall.hpp"

namespace pg {

namespace {

/// Keeps our keys apart from those that an application makes by hashing the same text.
constexpr std::uint64_t key_seed = 0x666c65785f73796e; // "flex_syn"

std::vector<core::ElementId> &running()
{
    static auto *const elements = new std::vector<core::ElementId>;
    return *elements;
}

} // namespace

std::int64_t lock_key(const core::ElementId &element)
{
    const std::string id = core::canonical_id(element.text());
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

RunningSync::RunningSync(const core::ElementId &element)
{
    running().push_back(element);
}

RunningSync::~RunningSync()
{
    running().pop_back();
}

bool RunningSync::is_running(const core::ElementId &element)
{
    for (const core::ElementId &other : running())
        if (other == element)
            return true;
    return false;
}

} // namespace pg
