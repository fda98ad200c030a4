#include "pg/crew/request_budget.hpp"

#include "pg/server/subtransaction.hpp"

#include "flex/url.hpp"

#include <algorithm>

#include "pg/server/wall.hpp"

namespace pg {

namespace {

// The fourth field of our lock tags. Advisory locks that SQL takes have 1 or 2 there, so that ours never meet a user's;
// the rest tells the reservations of one backend apart. pg_locks shows it as a smallint.
constexpr std::uint16_t first_lock_class = 1000;
constexpr std::uint16_t last_lock_class = 32767;

/// Runs of the day that are counted one by one; more are summed up.
constexpr std::int64_t many_runs = 500;

// What others have set aside and not spent yet. The locks of a prepared transaction have no pid.
constexpr const char *read_set_aside_sql = R"(
    SELECT coalesce(sum(k.objid::bigint), 0)::text
    FROM pg_locks AS k
    WHERE k.locktype = 'advisory' AND k.objsubid >= 1000 AND k.classid::bigint = $1::bigint
      AND k.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
      AND (k.pid IS NULL OR k.pid <> pg_backend_pid()))";

std::uint16_t next_lock_class()
{
    static std::uint16_t last = last_lock_class;
    last = last == last_lock_class ? first_lock_class : static_cast<std::uint16_t>(last + 1);
    return last;
}

} // namespace

ServerBudget::ServerBudget(Statements &statements, const OwnTables &own, const Connection &connection)
    : statements_(statements), own_(own), server_(connection.server), options_(connection.options),
      account_(flex::account_url(options_.url)), spent_(statements, own, account_, server_)
{
}

std::optional<core::RequestBudget::Refusal> ServerBudget::set_aside(int requests, int of_sync)
{
    if (!is_limited())
        return std::nullopt;
    for (const Window &window : windows())
        if (window.limit != 0 && of_sync > window.limit)
            return Refusal{.why = "The sync needs " + std::to_string(requests) +
                                  " more requests to Flex, and would never fit into " + limit_of(window) +
                                  ". Raise the option if the Flex plan allows it.",
                           .until = std::chrono::seconds(window.seconds),
                           .is_for_ever = true};
    // Held before it is counted, so that of two syncs at once each sees the other.
    LOCKTAG tag;
    show(tag, requests);
    held_ += requests;
    std::optional<Refusal> refusal;
    // Something may have been sent, and must not be forgotten for an error here.
    if (const auto error = in_subtransaction([&] { refusal = why_not(requests); }))
        refusal = Refusal{.why = "The request limits could not be read: " + error->message + ".",
                          .until = std::chrono::minutes(1)};
    if (refusal) {
        call([&] { LockRelease(&tag, ShareLock, false); });
        held_ -= requests;
    }
    return refusal;
}

std::array<ServerBudget::Window, 2> ServerBudget::windows() const
{
    return {{{"hourly_limit", 60 * 60, options_.hourly_limit, &Spent::in_hour},
             {"daily_limit", 24 * 60 * 60, options_.daily_limit, &Spent::in_day}}};
}

std::optional<core::RequestBudget::Refusal> ServerBudget::why_not(int requests)
{
    // The locks before the log, in a statement of its own, whose snapshot is older than the log's: a sync that commits
    // between the two is counted twice, not left out.
    const std::int64_t by_others = set_aside_by_others();
    const Spent spent = spent_.read();
    // Not once something was sent: then an error would cost the memory of it.
    if (spent.runs >= many_runs && held_ == requests)
        spent_.sum_up();
    for (const Window &window : windows())
        if (const std::int64_t used = by_others + spent.*window.spent; window.limit != 0 && used + held_ > window.limit)
            return refuse_for_now(window, requests, used);
    return std::nullopt;
}

core::RequestBudget::Refusal ServerBudget::refuse_for_now(const Window &window, int requests, std::int64_t used)
{
    const std::int64_t wait_s = spent_.seconds_until_free(used + held_ - window.limit, window.seconds);
    const std::int64_t left = std::max<std::int64_t>(0, window.limit - used - (held_ - requests));
    return {.why = "The sync needs " + std::to_string(requests) + " more requests to Flex, and " + limit_of(window) +
                   " leaves " + std::to_string(left) + ". Try again in " + std::to_string(wait_s) + " s.",
            .until = std::chrono::seconds(wait_s)};
}

std::int64_t ServerBudget::set_aside_by_others()
{
    const Rows rows = statements_.run(read_set_aside_sql, {std::to_string(account_hash(account_))}, own_.identity);
    return rows.number<std::int64_t>(0, 0).value_or(0);
}

std::string ServerBudget::limit_of(const Window &window) const
{
    return std::string(window.option) + " (" + std::to_string(window.limit) + ") of server \"" + server_ + "\"";
}

void ServerBudget::release(int requests)
{
    held_ -= requests;
}

void ServerBudget::note(int requests)
{
    if (requests == 0 || XactReadOnly)
        return;
    LOCKTAG tag;
    if (is_limited())
        show(tag, requests);
    spent_.note(requests);
}

/// Shows the number to other backends, in the key of a lock that goes with the transaction.
void ServerBudget::show(LOCKTAG &tag, int requests)
{
    SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, account_hash(account_), static_cast<uint32>(requests), next_lock_class());
    call([&] { LockAcquire(&tag, ShareLock, false, false); });
}

} // namespace pg
