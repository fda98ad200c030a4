#pragma once
// Flex in memory, with one element: what it holds, what it shows of that, and what can go wrong on the way.

#include "add_watch.hpp"
#include "core/ports.hpp"
#include "fake_clock.hpp"

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace unit {

/// What becomes of one request that changes something.
enum class Fate {
    Done,
    Refused,
    RefusedForNow,
    NothingDone,
    LostBefore, ///< the answer is lost, and nothing was done
    LostAfter,  ///< the answer is lost, and it was done
    ActsLate,   ///< the answer is lost, and it is done `late_by` afterwards
    NeverShown, ///< an add that is done, and that no listing shows
};

/// What becomes of one listing.
enum class Page {
    Whole,
    Cut,     ///< it did not arrive whole
    Slow,    ///< no answer in time
    Refused, ///< a bad key
    TooMany, ///< 429, come back in two minutes
    Empty,   ///< whole, and wrong: nothing is there
    Half,    ///< whole, and wrong: the second half is missing
    Tail,    ///< whole, and wrong: the first half is missing
    Hole,    ///< whole, and wrong: the first line is missing
    Labels,  ///< whole, and wrong: no line is a contact
};

class FakeFlex : public core::FlexApi {
public:
    explicit FakeFlex(FakeClock &clock) : clock_(clock) {}

    std::vector<core::Listing> list(std::span<const core::ElementId> elements, core::TimePoint deadline,
                                    const std::function<void()> &meanwhile) override;
    core::ChangeResults carry_out(const core::ElementId &element, const core::Changes &changes) override;

    /// A line that somebody made by hand.
    void shows(const std::string &line, const std::string &resource, const std::string &role = "",
               core::LineKind kind = core::LineKind::Contact);
    /// Somebody deletes a line by hand.
    void loses(const std::string &line);

    /// "l1 r1 foh": the contacts that are really there, but for those that no listing ever shows, in the order in which
    /// they were made.
    std::vector<std::string> contacts() const;
    /// The resource of the contact, if it is there.
    std::optional<core::ResourceId> resource_of(const core::LineItemId &line) const;
    /// How many contacts the resource has.
    int contacts_of(const core::ResourceId &resource) const;
    /// Forgets who was called: the database was rolled back (I7).
    void forgives_adds() { watch_ = {}; }
    /// Somebody changes a role by hand.
    void sets_role(const std::string &line, const std::string &role);

    // What goes wrong. Fates by the request as `sent` has it, a role without its value, used up one by one.
    std::map<std::string, std::deque<Fate>> fates;
    std::function<Fate(const std::string &)> chance;     ///< the fate of a request that has none; Done without it
    std::deque<Page> pages;                              ///< of the listings to come; then whole ones
    std::map<int, std::function<void()>> before_listing; ///< what others do before the nth listing of all
    std::function<void()> after_changes;                 ///< what others do once a batch is done; used up
    core::Milliseconds add_lag{0}, deletion_lag{0}, role_lag{0}, late_by{1000};
    core::Milliseconds latency{200}; ///< of a listing, and of six changes
    bool shows_roles = true;
    std::map<std::string, std::string> answers_with; ///< to the add of a resource: another's line
    std::string shows_as;                            ///< another spelling under which it shows whoever is added

    // What happened.
    std::vector<std::string> sent;             ///< "list", "add r1", "delete l1", "role l1 foh", "delete many"
    int sync = 0;                              ///< counted by whoever calls syncs
    std::vector<std::string> unjustified_adds; ///< adds for which I5 knows no reason

private:
    struct Contact {
        core::Line line;
        core::TimePoint shown_from = {};
        std::optional<core::TimePoint> deleted_at = {};
        core::TimePoint role_from = {};
        std::optional<core::BusinessRoleId> old_role = {};
        bool is_hidden = false;
    };
    struct LateAct {
        core::TimePoint due;
        std::function<void()> act;
    };

    core::Listing page(Page page, core::TimePoint deadline);
    std::vector<core::Line> visible_lines() const;
    core::ChangeResult carry_out(std::size_t place, const core::Changes &changes);
    core::ChangeResult carry_out(const core::Change &change,
                                 const std::function<bool(const core::LineItemId &)> &is_new);
    core::Answer delete_in_bulk(const core::Changes &changes);
    void add(const core::Change &change, const std::function<bool(const core::LineItemId &)> &is_new,
             core::ChangeResult &result);
    core::Answer answer_of(const std::string &request, const std::function<void()> &act);
    Fate fate_of(const std::string &request);
    void make_contact(const core::ResourceId &resource, bool is_hidden);
    Contact *find(const core::LineItemId &line);
    bool is_there(const Contact &contact) const;
    void act_late();

    FakeClock &clock_;
    std::vector<Contact> contacts_;
    std::vector<LateAct> late_acts_;
    AddWatch watch_;
    Fate last_fate_ = Fate::Done;
    int lines_made_ = 0;
};

} // namespace unit
