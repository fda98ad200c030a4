#include "pg/crew/spent_requests.hpp"

#include "pg/crew/run_journal.hpp"
#include "pg/server/subtransaction.hpp"

#include <cstdio>

#include "pg/server/wall.hpp"

namespace pg {

namespace {

/// The fourth fields of our lock tags.
constexpr std::uint16_t run_id_class = 996;
constexpr std::uint16_t summing_class = 997;
constexpr std::uint16_t run_class = 998;

/// A lock about the account. Of type "userlock", which nothing else uses by now: whoever counts a session's advisory
/// locks finds that of the crew and no other.
LOCKTAG account_tag(const std::string &account, std::uint32_t number, std::uint16_t lock_class)
{
    LOCKTAG tag;
    SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, account_hash(account), number, lock_class);
    tag.locktag_type = LOCKTAG_USERLOCK;
    return tag;
}

constexpr std::int64_t day_s = 24 * 60 * 60;
constexpr std::int64_t hour_s = 60 * 60;
constexpr std::int64_t postgres_epoch_s = std::int64_t{POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE} * SECS_PER_DAY;

// The moments are parameters: a condition with a volatile function takes no index. An upper bound, infinity ($4), tells
// the planner, which does not know the values, that the range is a narrow one. In a SELECT of their own they are read
// once, not for each row.

/// Runs that are in no sum yet, for the url ($1) or, where they have none, for the server ($2).
constexpr std::string_view runs_sql = R"(
    {log} AS l
    WHERE {l.account} AND l.started_at > (SELECT to_timestamp($3::double precision))
      AND l.started_at <= (SELECT to_timestamp($4::double precision))
      AND l.started_at >= coalesce((SELECT max(r.runs_before) FROM {requests} AS r
                                    WHERE {r.account} AND r.at > (SELECT to_timestamp($3::double precision))
                                      AND r.at <= to_timestamp('Infinity')), '-infinity'))";

/// Of runs in the journal only those that are not under way: these hold what they have set aside.
constexpr std::string_view spent_sql = R"(
    SELECT r.at, r.requests, false AS is_run FROM {requests} AS r
    WHERE {r.account} AND r.at > (SELECT to_timestamp($3::double precision)) AND r.at <= (SELECT to_timestamp($4::double precision))
    UNION ALL
    SELECT j.sent_at, j.http_requests, false FROM {journal} AS j
    WHERE {j.account} AND j.sent_at > (SELECT to_timestamp($3::double precision))
      AND j.sent_at <= (SELECT to_timestamp($4::double precision))
      AND NOT {j.is_under_way}
    UNION ALL
    SELECT l.started_at, l.http_requests, true FROM )";

/// With the tables of 1.0.
constexpr std::string_view spent_of_server_sql = R"(
    SELECT l.started_at AS at, l.http_requests AS requests, true AS is_run FROM {log} AS l
    WHERE l.server = $2 AND l.started_at > (SELECT to_timestamp($3::double precision))
      AND l.started_at <= (SELECT to_timestamp($4::double precision)))";

constexpr std::string_view sum_spent_sql = R"(
    SELECT (sum(s.requests) FILTER (WHERE s.at > (SELECT to_timestamp($5::double precision))))::text, sum(s.requests)::text,
           (count(*) FILTER (WHERE s.is_run))::text
    FROM ({spent}) AS s)";

/// When enough will have left the window that began at $3.
constexpr std::string_view read_free_sql = R"(
    SELECT ceil(extract(epoch FROM f.at - (SELECT to_timestamp($3::double precision))))::bigint::text
    FROM (SELECT s.at, sum(s.requests) OVER (ORDER BY s.at) AS requests FROM ({spent}) AS s) AS f
    WHERE f.requests >= $5::bigint
    ORDER BY f.at LIMIT 1)";

constexpr std::string_view sum_up_sql = R"(
    INSERT INTO {requests} (url, server, at, requests, runs_before)
    SELECT {key}, max(l.started_at), sum(l.http_requests), (SELECT to_timestamp($4::double precision))
    FROM {runs} AND l.started_at < (SELECT to_timestamp($4::double precision))
    GROUP BY date_bin('1 minute', l.started_at, to_timestamp(0)))";

/// When the oldest run of the account began that is under way, or that the journal has and the log will have, in
/// seconds.
constexpr std::string_view read_oldest_run_sql = R"(
    SELECT least((SELECT min(k.objid::bigint) FROM pg_locks AS k
                  WHERE k.locktype = 'userlock' AND k.objsubid = 998 AND k.classid::bigint = $1::bigint
                    AND k.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())),
                 (SELECT floor(min(extract(epoch FROM coalesce(
                      '2000-01-01 00:00:00+00'::timestamptz + (j.run ->> 'started_at')::bigint * '1 microsecond'::interval,
                      j.sent_at))))::bigint
                  FROM {journal} AS j WHERE j.url = $2))::text)";

/// The statement for what has the url, or for what has none.
std::string for_account(std::string_view sql, bool has_url, const OwnTables &own)
{
    return filled(sql, {{"{runs}", runs_sql},
                        {"{l.account}", has_url ? "l.url = $1" : "l.url IS NULL AND l.server = $2"},
                        {"{r.account}", has_url ? "r.url = $1" : "r.url IS NULL AND r.server = $2"},
                        {"{j.is_under_way}", journal_is_under_way_sql},
                        {"{j.account}", has_url ? "j.url = $1" : "false"},
                        {"{key}", has_url ? "$1, NULL" : "NULL, $2"},
                        {"{log}", own.table("flex_sync_log")},
                        {"{requests}", own.table("flex_sync_requests")},
                        {"{journal}", own.table("flex_sync_journal")}});
}

std::string with_spent(std::string_view sql, const OwnTables &own)
{
    const std::string spent = std::string(spent_sql) + "{runs}";
    return filled(sql, {{"{spent}", own.has_accounts
                                        ? for_account(spent, true, own) + " UNION ALL " + for_account(spent, false, own)
                                        : for_account(spent_of_server_sql, false, own)}});
}

/// A moment in seconds since 1970, as no setting of the session can read it otherwise.
std::string seconds_text(TimestampTz time)
{
    char text[40];
    std::snprintf(text, sizeof text, "%.6f",
                  static_cast<double>(time) / USECS_PER_SEC + static_cast<double>(postgres_epoch_s));
    return text;
}

TimestampTz seconds_before(TimestampTz time, std::int64_t seconds)
{
    return time - seconds * USECS_PER_SEC;
}

std::int64_t number_at(const Rows &rows, std::size_t column, std::int64_t otherwise)
{
    return rows.empty() ? otherwise : rows.number<std::int64_t>(0, column).value_or(otherwise);
}

} // namespace

SpentRequests::SpentRequests(Statements &statements, const OwnTables &own, std::string account, std::string server)
    : statements_(statements), own_(own), account_(std::move(account)), server_(std::move(server))
{
}

Spent SpentRequests::read()
{
    const TimestampTz now = GetCurrentTimestamp();
    const Rows rows = statements_.run(with_spent(sum_spent_sql, own_),
                                      {account_, server_, seconds_text(seconds_before(now, day_s)), "Infinity",
                                       seconds_text(seconds_before(now, hour_s))},
                                      own_.identity);
    const Spent spent{number_at(rows, 0, 0), number_at(rows, 1, 0), number_at(rows, 2, 0)};
    return spent;
}

std::int64_t SpentRequests::seconds_until_free(std::int64_t requests, std::int64_t window_s)
{
    const TimestampTz now = GetCurrentTimestamp();
    const Rows rows = statements_.run(
        with_spent(read_free_sql, own_),
        {account_, server_, seconds_text(seconds_before(now, window_s)), "Infinity", std::to_string(requests)},
        own_.identity);
    const std::int64_t seconds = number_at(rows, 0, window_s);
    return seconds;
}

void SpentRequests::sum_up()
{
    if (!own_.has_accounts)
        return;
    const LOCKTAG tag = account_tag(account_, 0, summing_class);
    in_subtransaction([&] {
        if (call([&] { return LockAcquire(&tag, ExclusiveLock, false, true); }) == LOCKACQUIRE_NOT_AVAIL)
            return;
        // The clock before the locks, and the locks before the log: a run that shows in neither begins later.
        const TimestampTz now = GetCurrentTimestamp();
        const Rows rows = statements_.run(filled(read_oldest_run_sql, {{"{journal}", own_.table("flex_sync_journal")}}),
                                          {std::to_string(account_hash(account_)), account_}, own_.identity);
        const TimestampTz oldest =
            (number_at(rows, 0, now / USECS_PER_SEC + postgres_epoch_s) - postgres_epoch_s) * USECS_PER_SEC;
        for (const bool has_url : {true, false})
            statements_.run(
                for_account(sum_up_sql, has_url, own_),
                {account_, server_, seconds_text(seconds_before(now, day_s)), seconds_text(std::min(now, oldest))},
                own_.identity);
    });
}

void SpentRequests::note(int requests)
{
    if (!own_.has_accounts)
        return;
    statements_.run("INSERT INTO " + own_.table("flex_sync_requests") +
                        " (url, server, at, requests) VALUES ($1, $2, clock_timestamp(), $3::bigint)",
                    {account_, server_, std::to_string(requests)}, own_.identity);
}

std::uint32_t account_hash(const std::string &account)
{
    return hash_bytes(reinterpret_cast<const unsigned char *>(account.data()), static_cast<int>(account.size()));
}

void show_run(const std::string &account)
{
    const std::int64_t began_s = GetCurrentTimestamp() / USECS_PER_SEC + postgres_epoch_s;
    const LOCKTAG tag = account_tag(account, static_cast<uint32>(began_s), run_class);
    call([&] { LockAcquire(&tag, ShareLock, false, false); });
}

void show_run_id(std::int64_t run_id)
{
    LOCKTAG tag;
    SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, static_cast<uint32>(run_id >> 32), static_cast<uint32>(run_id),
                         run_id_class);
    tag.locktag_type = LOCKTAG_USERLOCK;
    call([&] { LockAcquire(&tag, ShareLock, false, false); });
}

} // namespace pg
