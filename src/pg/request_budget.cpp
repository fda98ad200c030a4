#include "pg/request_budget.hpp"

#include <algorithm>
#include <charconv>

#include "pg/wall.hpp"

namespace pg {

namespace {

// The fourth field of our lock tags. Advisory locks that SQL takes have 1 or 2 there, so that ours never meet a user's;
// the rest tells the reservations of one backend apart. pg_locks shows it as a smallint.
constexpr std::uint16_t first_lock_class = 1000;
constexpr std::uint16_t last_lock_class = 32767;

// What other backends have set aside and not spent yet.
constexpr const char *read_set_aside_sql = R"(
    SELECT coalesce(sum(k.objid::bigint), 0)::text
    FROM pg_locks AS k
    WHERE k.locktype = 'advisory' AND k.objsubid >= 1000 AND k.classid::bigint = $1::bigint
      AND k.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
      AND k.pid <> pg_backend_pid())";

// What the window has seen, the $4 requests that others have set aside included, and when enough of it will have left
// the window for $3 requests more than the limit $5 to fit.
constexpr const char *read_use_sql = R"(
    WITH spent AS (
        SELECT l.started_at, l.http_requests
        FROM {log} AS l
        WHERE l.server = $1 AND l.started_at > clock_timestamp() - $2::interval AND l.http_requests > 0
    ), use AS (
        SELECT coalesce((SELECT sum(s.http_requests) FROM spent AS s), 0) + $4::bigint AS requests
    ), freed AS (
        SELECT s.started_at, sum(s.http_requests) OVER (ORDER BY s.started_at) AS requests FROM spent AS s
    )
    SELECT u.requests::text,
           ceil(extract(epoch FROM coalesce(
               (SELECT min(f.started_at) FROM freed AS f WHERE f.requests >= u.requests + $3::bigint - $5::bigint),
               clock_timestamp()) + $2::interval - clock_timestamp()))::bigint::text
    FROM use AS u)";

std::int64_t number_at(const Rows &rows, std::size_t column)
{
    const std::string_view text = rows.at(0, column).value_or("0");
    std::int64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

std::uint16_t next_lock_class()
{
    static std::uint16_t last = last_lock_class;
    last = last == last_lock_class ? first_lock_class : static_cast<std::uint16_t>(last + 1);
    return last;
}

} // namespace

ServerBudget::ServerBudget(Statements &statements, const OwnTables &own, std::string server,
                           const ServerOptions &options)
    : statements_(statements), own_(own), server_(std::move(server)), options_(options),
      server_hash_(
          hash_bytes(reinterpret_cast<const unsigned char *>(server_.data()), static_cast<int>(server_.size())))
{
}

std::optional<core::RequestBudget::Refusal> ServerBudget::set_aside(int requests)
{
    // Held before it is counted, so that of two syncs at once each sees the other.
    if (options_.hourly_limit == 0 && options_.daily_limit == 0)
        return std::nullopt;
    LOCKTAG tag;
    show(tag, requests);
    held_ += requests;
    for (const Window &window : {Window{"hourly_limit", "1 hour", options_.hourly_limit},
                                 Window{"daily_limit", "1 day", options_.daily_limit}}) {
        if (window.limit == 0)
            continue;
        if (std::optional<core::RequestBudget::Refusal> refusal = why_not(window, requests)) {
            call([&] { LockRelease(&tag, ShareLock, false); });
            held_ -= requests;
            return refusal;
        }
    }
    return std::nullopt;
}

std::optional<core::RequestBudget::Refusal> ServerBudget::why_not(const Window &window, int requests)
{
    // The locks before the log, in a statement of its own, whose snapshot is older than the log's: a sync that commits
    // between the two is counted twice, not left out.
    Rows set_aside = statements_.run(read_set_aside_sql, {std::to_string(server_hash_)}, own_.identity);
    const std::string by_others(set_aside.at(0, 0).value_or("0"));
    set_aside.release();
    std::string sql = read_use_sql;
    sql.replace(sql.find("{log}"), 5, own_.table("flex_sync_log"));
    Rows rows = statements_.run(
        sql, {server_, window.length, std::to_string(held_), by_others, std::to_string(window.limit)}, own_.identity);
    const std::int64_t used = number_at(rows, 0);
    const std::int64_t wait_s = number_at(rows, 1);
    rows.release();
    if (used + held_ <= window.limit)
        return std::nullopt;
    const std::string limit =
        std::string(window.option) + " (" + std::to_string(window.limit) + ") of server \"" + server_ + "\"";
    std::string why = "The sync needs " + std::to_string(requests) + " more requests to Flex, and ";
    if (held_ > window.limit)
        why += "would never fit into " + limit + ". Raise the option if the Flex plan allows it.";
    else
        why += limit + " leaves " +
               std::to_string(std::max<std::int64_t>(0, window.limit - used - (held_ - requests))) + ". Try again in " +
               std::to_string(wait_s) + " s.";
    return Refusal{.why = std::move(why), .until = std::chrono::seconds(wait_s)};
}

void ServerBudget::release(int requests)
{
    held_ -= requests;
}

/// Shows the number to other backends, in the key of a lock that goes with the transaction.
void ServerBudget::show(LOCKTAG &tag, int requests)
{
    SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, server_hash_, static_cast<uint32>(requests), next_lock_class());
    call([&] { LockAcquire(&tag, ShareLock, false, false); });
}

} // namespace pg
