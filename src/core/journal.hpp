#pragma once
// The record of what is sent to Flex, which no rollback takes (I11): what a sync asks of it, and in which order.

#include "core/plan.hpp"
#include "core/ports.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace core {

/// Whether a request may go out.
enum class Permit { Go, Wait, Never };

/// One request of a sync, and what is known of it: a row of `flex_sync_journal`.
struct JournalEntry {
    int ordinal = 0;                   ///< its place in the run; 0: not recorded yet
    std::optional<Action> action = {}; ///< none: a listing
    std::optional<TechnicianId> technician = {};
    std::optional<ResourceId> resource = {};
    std::optional<LineItemId> line = {};
    std::optional<BusinessRoleId> role = {};
    std::optional<Outcome> outcome = {}; ///< none: there is no answer yet
    int http_status = 0;
    int requests = 1; ///< with the one that is going out
};

/// The journal of one run. What it takes is committed in a transaction of its own.
class Journal {
public:
    virtual ~Journal() = default;

    /// Makes ready to write; may wait a moment, and never past the deadline of the run. Why it cannot be written, if
    /// nothing may be changed without it.
    virtual std::optional<std::string> open(TimePoint deadline) = 0;

    /// Begins to commit adds that are about to go out, durably, and does not wait for it. Gives the number by which
    /// `permit` knows them.
    virtual std::int64_t intend(std::span<const JournalEntry> adds) = 0;

    /// Whether those adds may go out: once they are committed.
    virtual Permit permit(std::int64_t intent) = 0;

    /// Records an entry, or what has become of it, and does not wait for it.
    virtual void record(const JournalEntry &entry) = 0;

    /// Adds that are intended together.
    virtual std::size_t slice() const = 0;

    /// True if listings are recorded too: where requests are limited.
    virtual bool records_listings() const = 0;

    /// Changes are counted from 1 up, listings from -1 down: `flex_sync_log_operation` has no listings.
    int next_change() { return ++last_change_; }
    int next_listing() { return --last_listing_; }

private:
    int last_change_ = 0;
    int last_listing_ = 0;
};

/// The journal's side of changes that go out together. Adds wait until their intent is committed, slice by slice, the
/// next one while the last is under way: whenever the sync dies, no more than two slices are in doubt.
class Recording {
public:
    /// `changes` in the order in which they go out.
    Recording(Journal &journal, std::vector<JournalEntry> changes);

    /// Whether the request of a change may go out now, or the one for the role of an add that is done. `Go` records it.
    Permit before(std::size_t change, const ChangeResult &so_far);

    /// Many deletions go out in one request.
    void before_bulk(std::span<const std::size_t> changes);

    /// What came of a request that took so many on the wire. Unless `is_over` it is about to go out again.
    void after(std::size_t change, const ChangeResult &result, int requests, bool is_over);

private:
    struct Request {
        JournalEntry entry;
        int sends = 0;           ///< that were answered
        std::size_t nth_add = 0; ///< adds before it
    };

    void intend(std::size_t slice);
    void begin(JournalEntry &entry, int requests);

    Journal *journal_;
    std::vector<Request> changes_;
    std::vector<Request> roles_;        ///< beside `changes_`: of adds that are done
    std::vector<std::size_t> adds_;     ///< their places in `changes_`
    std::vector<std::int64_t> intents_; ///< of the slices that are intended
};

} // namespace core
