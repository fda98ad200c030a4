#pragma once
// The main job: makes the crew relations and Flex agree about one element. A state machine: it says what it wants of
// Flex or of the clock, and is told what came of it.

#include "core/error.hpp"
#include "core/guards.hpp"
#include "core/journal.hpp"
#include "core/report.hpp"

#include <variant>

namespace core {

/// How far one sync may go.
struct Policy {
    Prune prune = Prune::All;
    int max_removals = 5;            ///< more deletions than this, and more than half of the contacts: blocked
    TimePoint deadline;              ///< nothing is begun that could end after it
    RequestBudget *budget = nullptr; ///< none: as many requests as it takes
    Journal *journal = nullptr;      ///< none: what is sent is remembered with the transaction only
    bool deletes_in_bulk = false;    ///< Flex takes many deletions in one request
    bool only_plans = false;         ///< ends once it has planned, and changes nothing
};

/// What a sync wants next: a listing of its element, begun before the deadline; …
struct WantsListing {
    TimePoint deadline;
};

/// … to be called again after a while; …
struct WantsPause {
    Milliseconds duration;
};

/// … changes of its element; or nothing more, as it has ended.
using Want = std::variant<WantsListing, WantsPause, Changes, SyncResult>;

/// One sync of one element, under a lock that the caller holds. It reads and writes the crew itself; of Flex it only
/// says what it wants, so that whoever drives several can ask for the wants of all of them together. Trouble on Flex's
/// side ends in a status; what the store and the clock raise passes through until something has been sent.
class Sync {
public:
    /// All three must outlive the sync. The deadline may be moved while the sync is under way.
    Sync(const Policy &policy, CrewStore &store, Clock &clock);
    Sync(const Sync &) = delete; // a plan points into it
    Sync &operator=(const Sync &) = delete;

    /// Reads the crew. The first listing is to be asked for after it.
    Want begin();

    /// What can be done while Flex answers: reads what is remembered of lines, which only syncs of this element change,
    /// under its lock. It is done with the first listing otherwise.
    void meanwhile();

    // What came of the last want.

    /// The first listing may have come a while ago: the crew is read again unless nothing has changed since, and a
    /// listing that is older than two seconds, from its request on, is asked for again.
    Want listed(Listing listing);
    Want changed(const ChangeResults &results);
    Want paused();

    // What it sees, for whoever only plans. The plan means something if the last listing is `Done`.

    const Answer &last_listing() const { return listing_; }
    const Picture &picture() const { return picture_; }

private:
    /// What is under way.
    enum class Stage { FirstListing, SecondLook, Changes, TakingBack, ClosingListing };

    /// The listings of one look at Flex: one that is in doubt is asked for again before it is believed.
    struct Look {
        int listings = 0;
        std::unordered_set<LineItemId> missing = {}; ///< from the last one
        TimePoint begun_at = {};
        JournalEntry entry = {}; ///< of the one that is under way
    };

    /// What one pass sends, until a closing listing has told what became of it.
    struct Sending {
        std::vector<const Step *> steps = {}; ///< in the plan, in the order of the changes
        std::vector<Change> taken_back = {};  ///< contacts that no row can tell of
        std::optional<Recording> recording = {};
        int requests = 0;         ///< that all of it took
        std::size_t looks = 0;    ///< since then
        bool was_in_bulk = false; ///< this pass or an earlier one
    };

    /// Requests that are set aside already.
    struct Prepaid {
        int listings = 0; ///< with the changes that they close
        int changes = 0;  ///< before a second look, for what the first one found
    };

    struct RowChanges;

    template <class Body> Want go_on(Body &&body);

    bool is_too_old(const Listing &listing) const;
    Want look();
    Want ask();
    Want see(Listing listing);
    Want see_nothing();
    Want see_nothing(const char *code, std::string message);

    bool set_aside(int requests);
    bool takes_bulk(int deletions) const;
    int requests_to_send() const;
    bool set_requests_aside();
    bool can_look_again();

    bool open_journal();
    void record_listing();
    void record_answer(const Listing &listing);

    Want begin_passes();
    Want begin_pass();
    Want carry_out();
    Want write_rows();
    Want take_back(const std::vector<RowError> &errors, const RowChanges &rows);
    Want send(std::vector<Change> list, std::vector<JournalEntry> entries, TimePoint deadline);
    Want end_sending();
    Want close_in_time();
    Want close();
    Want end_look();
    Want end_pass();
    Want finish();

    void read_crew();
    void forget_rows();
    void rehearse_rows();
    void note_row_errors(const std::vector<RowError> &errors, const RowChanges &rows);
    void note_earlier_adds();
    std::optional<Milliseconds> next_pause() const;
    std::optional<std::string> why_blocked() const;
    bool is_stopped_without_call();
    bool is_stopped_by_guard();
    void stop(Diagnostic why);
    void remember(bool is_ok);

    const Policy &policy_;
    CrewStore &store_;
    Clock &clock_;
    KnownLines known_;
    Ledger ledger_{known_};
    Picture picture_;
    Course course_;
    Answer listing_; ///< how the last listing went
    Stage stage_ = Stage::FirstListing;
    Look look_;
    Sending sending_;
    Prepaid prepaid_;
};

/// Syncs one element: gives a sync what it wants until it has ended.
SyncResult synchronise(const ElementId &element, const Policy &policy, CrewStore &store, FlexApi &flex, Clock &clock);

/// The same of a sync that has begun, from what it wants now.
SyncResult carry_through(Sync &sync, Want want, const ElementId &element, FlexApi &flex, Clock &clock);

} // namespace core
