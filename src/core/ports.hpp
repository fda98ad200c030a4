#pragma once
// What a sync needs from outside: the crew's relations, Flex, and a clock.

#include "core/crew.hpp"
#include "core/diagnostic.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace core {

using TimePoint = std::chrono::steady_clock::time_point;
using Milliseconds = std::chrono::milliseconds;

/// Time, and the waiting for it.
class Clock {
public:
    virtual ~Clock() = default;

    virtual TimePoint now() const = 0;

    /// Returns after `duration`. Raises the server's own error if the session is cancelled meanwhile.
    virtual void wait(Milliseconds duration) = 0;

    /// Hears the session's interrupts without waiting, for whoever works for long. Raises as `wait` does.
    virtual void check() = 0;
};

/// What is known of a request after it (flex-api, "What an outcome means").
enum class Outcome {
    Done,          ///< a 2xx other than 202, and the whole body was read
    Refused,       ///< nothing was done
    RefusedForNow, ///< nothing was done; try again later (429)
    NothingDone,   ///< it never reached Flex
    Unknown,       ///< it may have been done, or may still be done
    NotSent,       ///< the deadline left no time for it
};

/// The end of one call of the Flex API.
struct Answer {
    Outcome outcome = Outcome::NotSent;
    int http_status = 0;      ///< 0: there was none
    std::string code = {};    ///< a stable word: "timeout", "unreachable", "http_status", …; empty when done
    std::string message = {}; ///< what happened, one sentence; never holds the token
    std::chrono::duration<double, std::milli> duration{0};
    std::optional<Milliseconds> retry_after = {};
};

/// The lines of an element. They mean something only if the answer is `Done`; otherwise they are empty.
struct Listing {
    Answer answer = {};
    std::vector<Line> lines = {};
    int requests = 0;        ///< that it took, repeats included
    TimePoint asked_at = {}; ///< when the request went out that was answered
};

/// One thing to change in Flex.
struct Change {
    enum class Kind { Add, Delete, SetRole };
    Kind kind;
    std::optional<ResourceId> resource = {}; ///< Add: whom to call
    std::optional<LineItemId> line = {};     ///< Delete, SetRole: which line
    std::optional<BusinessRoleId> role = {}; ///< SetRole; Add: the role to set once the contact is there
};

class Recording;

/// Changes of one element that go out together.
struct Changes {
    std::vector<Change> list;
    /// Asked once of each line that an add was answered with: an add that got another's line is `Unknown`
    /// (`line_taken`).
    std::function<bool(const LineItemId &)> is_new;
    bool deletes_in_bulk = false;   ///< all deletions in one request, which only a listing can confirm
    Recording *recording = nullptr; ///< asked before each request, and told of its end; none: nothing is recorded
    TimePoint deadline;             ///< nothing is begun that could end after it
};

/// What became of a change. An `Add` that is done has a line; without one it is `Unknown`.
struct ChangeResult {
    Answer answer;
    std::optional<LineItemId> line = {};
    std::optional<Answer> role_answer = {}; ///< Add with a role: what became of the role, if it was sent
};

/// What became of changes, each in its place.
struct ChangeResults {
    std::vector<ChangeResult> list;
    int requests = 0; ///< that they took, repeats included
};

/// The Flex API, for one server and token. Trouble on Flex's side is an answer, never an exception.
class FlexApi {
public:
    virtual ~FlexApi() = default;

    /// Lists elements, in parallel. Nothing is begun that could end after `deadline`. Calls `meanwhile`, if there is
    /// one, while the first requests are under way; it asks nothing of Flex.
    virtual std::vector<Listing> list(std::span<const ElementId> elements, TimePoint deadline,
                                      const std::function<void()> &meanwhile) = 0;

    /// Carries out changes of one element in parallel, begun in their order.
    virtual ChangeResults carry_out(const ElementId &element, const Changes &changes) = 0;
};

/// The requests that a server allows, over all syncs together.
class RequestBudget {
public:
    virtual ~RequestBudget() = default;

    struct Refusal {
        std::string why;          ///< what is used up and what to do, sentences
        Milliseconds until;       ///< when it may fit
        bool is_for_ever = false; ///< this sync needs more than the limit allows at all
    };

    /// Sets `requests` more aside for this sync. None if they fit; else nothing is set aside. Raises what a CrewStore
    /// does.
    virtual std::optional<Refusal> set_aside(int requests) = 0;
};

/// Why a row could not be written.
struct RowError {
    Assignment row;
    std::string sqlstate;
    std::string message;
};

/// The relations of one crew (all calls of one element), and what is remembered of its lines. Until `guard` is called,
/// an error of the server passes through; from then on it is undone and comes as DatabaseError.
class CrewStore {
public:
    virtual ~CrewStore() = default;

    /// The sync is about to change Flex. Takes the locks on tables that its writes will need.
    virtual void guard() = 0;

    /// Desired crew and rows, from a new snapshot.
    virtual Crew read() = 0;

    /// True if `read` would give the same again: nobody has committed anything since, and no crew was written here.
    virtual bool is_as_read() = 0;

    virtual std::vector<KnownLine> read_known() = 0;

    /// Tries what `write` will do, and undoes it: what the user's triggers and constraints refuse, also those that
    /// speak at commit, is known before anybody is called. A row of `mapped` without a line stands for one that Flex
    /// has still to make; one with a line is tried only where some constraint speaks at commit, since `write` hears the
    /// others in time.
    virtual std::vector<RowError> rehearse(std::span<const Assignment> gone, std::span<const Assignment> mapped) = 0;

    /// Writes what is so: deletes `gone` where the rows still name the line that they named, and maps `mapped` with
    /// INSERT … ON CONFLICT … DO UPDATE. A row that cannot be written comes back with its reason and is left as it was;
    /// the others are written.
    virtual std::vector<RowError> write(std::span<const Assignment> gone, std::span<const Assignment> mapped) = 0;

    /// Replaces what is remembered: deletes `forgotten` lines, and writes `known`.
    virtual void remember(std::span<const KnownLine> known, std::span<const KnownLine> forgotten) = 0;
};

} // namespace core
