// The journal's side of a sync: which intents are committed before adds go out, and what is recorded of each request.

#include "core/journal.hpp"
#include "world.hpp"

#include <gtest/gtest.h>

#include <map>

using core::Action;
using core::ChangeResult;
using core::JournalEntry;
using core::LineItemId;
using core::Outcome;
using core::Permit;
using core::Recording;
using core::ResourceId;
using unit::summary;
using unit::Words;
using unit::World;

namespace {

/// A journal whose writer does what the test says.
class FakeJournal final : public core::Journal {
public:
    std::optional<std::string> open(core::TimePoint) override
    {
        ++opens;
        return why_not;
    }

    std::int64_t intend(std::span<const JournalEntry> adds) override
    {
        std::string slice;
        for (const JournalEntry &add : adds) {
            note(add);
            slice += (slice.empty() ? "" : " ") + add.resource->text();
        }
        intents.push_back(slice);
        return static_cast<std::int64_t>(intents.size());
    }

    Permit permit(std::int64_t intent) override
    {
        return intent <= committed ? Permit::Go : is_dead ? Permit::Never : Permit::Wait;
    }

    void record(const JournalEntry &entry) override { note(entry); }
    std::size_t slice() const override { return 2; }
    bool records_listings() const override { return is_limited; }

    /// "1 add r1 n1 done 200 x1": what the journal says in the end, by ordinal.
    Words words() const
    {
        Words list;
        for (const auto &[ordinal, text] : entries)
            list.push_back(std::to_string(ordinal) + " " + text);
        return list;
    }

    std::optional<std::string> why_not;
    std::int64_t committed = 1000;
    bool is_dead = false;
    bool is_limited = false;
    int opens = 0;
    Words intents;

private:
    void note(const JournalEntry &entry)
    {
        std::string text(entry.action ? core::name_of(*entry.action) : "list");
        if (entry.technician)
            text += " " + entry.technician->text();
        if (entry.resource)
            text += " " + entry.resource->text();
        if (entry.line)
            text += " " + entry.line->text();
        if (entry.role)
            text += " " + entry.role->text();
        text += !entry.outcome                       ? " -"
                : *entry.outcome == Outcome::Done    ? " done"
                : *entry.outcome == Outcome::Unknown ? " unknown"
                                                     : " refused";
        if (entry.http_status != 0)
            text += " " + std::to_string(entry.http_status);
        entries[entry.ordinal] = text + " x" + std::to_string(entry.requests);
    }

    std::map<int, std::string> entries;
};

std::vector<JournalEntry> adds(int count, bool with_roles = false)
{
    std::vector<JournalEntry> list;
    for (int i = 1; i <= count; ++i)
        list.push_back({.action = Action::Add,
                        .resource = ResourceId("r" + std::to_string(i)),
                        .role = with_roles ? std::optional(core::BusinessRoleId("foh")) : std::nullopt});
    return list;
}

ChangeResult answered(Outcome outcome, int status, std::optional<LineItemId> line = std::nullopt)
{
    return {.answer = {.outcome = outcome, .http_status = status}, .line = std::move(line)};
}

TEST(Journal, an_add_waits_until_its_slice_is_committed)
{
    FakeJournal journal;
    journal.committed = 0;
    Recording recording(journal, adds(3));
    EXPECT_EQ(recording.before(0, {}), Permit::Wait);
    EXPECT_EQ(recording.before(1, {}), Permit::Wait);
    EXPECT_EQ(journal.intents, Words{"r1 r2"}) << "intended once";
    journal.committed = 1;
    EXPECT_EQ(recording.before(0, {}), Permit::Go);
}

TEST(Journal, the_next_slice_is_intended_once_the_one_before_goes_out)
{
    FakeJournal journal;
    journal.committed = 1;
    Recording recording(journal, adds(5));
    EXPECT_EQ(recording.before(0, {}), Permit::Go);
    EXPECT_EQ(journal.intents, (Words{"r1 r2", "r3 r4"})) << "and no further";
    EXPECT_EQ(recording.before(2, {}), Permit::Wait);
    journal.committed = 2;
    EXPECT_EQ(recording.before(2, {}), Permit::Go);
    EXPECT_EQ(journal.intents, (Words{"r1 r2", "r3 r4", "r5"}));
}

TEST(Journal, an_add_whose_turn_has_not_come_is_not_intended)
{
    FakeJournal journal;
    Recording recording(journal, adds(5));
    EXPECT_EQ(recording.before(4, {}), Permit::Wait);
    EXPECT_EQ(journal.intents, Words{});
}

TEST(Journal, no_add_goes_out_once_the_writer_is_gone)
{
    FakeJournal journal;
    journal.committed = 0;
    journal.is_dead = true;
    Recording recording(journal, adds(1));
    EXPECT_EQ(recording.before(0, {}), Permit::Never);
}

TEST(Journal, an_answer_is_recorded_with_its_line_and_the_requests_that_it_took)
{
    FakeJournal journal;
    Recording recording(journal, adds(1));
    recording.before(0, {});
    EXPECT_EQ(journal.words(), Words{"1 add r1 - x1"});
    recording.after(0, answered(Outcome::RefusedForNow, 429), 1, false);
    EXPECT_EQ(journal.words(), Words{"1 add r1 - 429 x2"}) << "it is about to go out again, and its outcome is open";
    recording.after(0, answered(Outcome::Done, 200, LineItemId("n1")), 1, true);
    EXPECT_EQ(journal.words(), Words{"1 add r1 n1 done 200 x2"});
}

TEST(Journal, the_role_of_an_add_is_an_entry_of_its_own)
{
    FakeJournal journal;
    Recording recording(journal, adds(1, true));
    recording.before(0, {});
    ChangeResult result = answered(Outcome::Done, 200, LineItemId("n1"));
    recording.after(0, result, 1, true);
    EXPECT_EQ(recording.before(0, result), Permit::Go);
    EXPECT_EQ(journal.words(), (Words{"1 add r1 n1 foh done 200 x1", "2 set_role r1 n1 foh - x1"}));
    result.role_answer = core::Answer{.outcome = Outcome::Refused, .http_status = 400};
    recording.after(0, result, 1, true);
    EXPECT_EQ(journal.words(), (Words{"1 add r1 n1 foh done 200 x1", "2 set_role r1 n1 foh refused 400 x1"}));
}

TEST(Journal, a_role_that_goes_out_again_keeps_its_entry)
{
    FakeJournal journal;
    Recording recording(journal, adds(1, true));
    recording.before(0, {});
    ChangeResult result = answered(Outcome::Done, 200, LineItemId("n1"));
    recording.after(0, result, 1, true);
    recording.before(0, result);
    result.role_answer = core::Answer{.outcome = Outcome::Unknown, .http_status = 500};
    recording.after(0, result, 1, false);
    recording.before(0, result);
    EXPECT_EQ(journal.words()[1], "2 set_role r1 n1 foh - 500 x2");
}

TEST(Journal, a_deletion_goes_out_at_once_and_is_recorded_when_it_does)
{
    FakeJournal journal;
    journal.committed = 0;
    Recording recording(journal, {{.action = Action::Prune, .resource = ResourceId("r1"), .line = LineItemId("l1")}});
    EXPECT_EQ(recording.before(0, {}), Permit::Go);
    EXPECT_EQ(journal.words(), Words{"1 prune r1 l1 - x1"});
    recording.after(0, answered(Outcome::Unknown, 0), 1, true);
    EXPECT_EQ(journal.words(), Words{"1 prune r1 l1 unknown x1"});
}

TEST(Journal, many_deletions_in_one_request_count_as_one)
{
    FakeJournal journal;
    Recording recording(journal, {{.action = Action::Prune, .line = LineItemId("l1")},
                                  {.action = Action::Prune, .line = LineItemId("l2")}});
    const std::vector<std::size_t> both{0, 1};
    recording.before_bulk(both);
    EXPECT_EQ(journal.words(), (Words{"1 prune l1 - x1", "2 prune l2 - x0"}));
}

TEST(Journal, an_add_that_found_no_time_took_no_request)
{
    FakeJournal journal;
    journal.committed = 0;
    Recording recording(journal, adds(2));
    recording.before(0, {});
    recording.after(0, answered(Outcome::NotSent, 0), 0, true);
    EXPECT_EQ(journal.words()[0], "1 add r1 refused x0");
}

TEST(Journal, what_was_never_recorded_has_no_end)
{
    FakeJournal journal;
    Recording recording(journal, adds(3));
    recording.after(2, answered(Outcome::NotSent, 0), 0, true);
    EXPECT_EQ(journal.words(), Words{});
}

// ---- in a sync

struct WithJournal : World {
    FakeJournal journal;

    core::SyncResult sync_with_journal()
    {
        const core::Policy policy{.deadline = clock.now() + time_limit, .journal = &journal};
        return core::synchronise(core::ElementId("element"), policy, store, flex, clock);
    }
};

TEST(Journal, a_quiet_sync_opens_none)
{
    WithJournal world;
    world.has_on_call("ann", "l1", "r1");
    EXPECT_EQ(summary(world.sync_with_journal()), "ok: desired 1, kept 1, passes 1, requests 1");
    EXPECT_EQ(world.journal.opens, 0);
    EXPECT_EQ(world.journal.words(), Words{});
}

TEST(Journal, a_sync_that_must_have_one_and_gets_none_changes_nothing)
{
    WithJournal world;
    world.journal.why_not = "No journal.";
    world.store.desires("ann", "r1");
    world.store.has_row("bob", "l2");
    const core::SyncResult result = world.sync_with_journal();
    EXPECT_EQ(summary(result), "deferred: desired 1, failed 1, requests 1");
    EXPECT_EQ(result.message, "Nothing was changed. No journal.");
    EXPECT_EQ(unit::notes(result), Words{"sync journal -"});
    EXPECT_EQ(world.flex.sent, Words{"list"});
    EXPECT_EQ(world.store.rows(), Words{"bob l2"}) << "the stale row stays too";
}

TEST(Journal, a_sync_finds_none_once_rows_are_forgotten_and_sends_nothing)
{
    WithJournal world;
    world.store.has_row("ann", "l9");
    world.store.before_read[2] = [&] {
        world.journal.why_not = "No journal.";
        world.store.desires("ann", "r1");
    };
    const core::SyncResult result = world.sync_with_journal();
    EXPECT_EQ(result.status, core::Status::Partial);
    EXPECT_EQ(unit::notes(result), Words{"sync journal -"});
    EXPECT_EQ(world.flex.sent, Words{"list"});
}

TEST(Journal, a_sync_records_all_that_it_sends)
{
    WithJournal world;
    world.has_on_call("old", "l1", "r1", "foh");
    world.store.withdraws("old");
    world.has_on_call("eve", "l2", "r2");
    world.store.desires("eve", "r2", "mon");
    world.store.desires("ann", "r3", "foh");
    EXPECT_EQ(summary(world.sync_with_journal()),
              "ok: desired 2, kept 1, added 1, removed 1, roles 2, passes 1, requests 6");
    EXPECT_GT(world.journal.opens, 0);
    EXPECT_EQ(world.journal.words(),
              (Words{"1 remove old r1 l1 done 200 x1", "2 set_role eve r2 l2 mon done 200 x1",
                     "3 add ann r3 n1 foh done 200 x1", "4 set_role ann r3 n1 foh done 200 x1"}));
}

TEST(Journal, a_contact_that_is_taken_back_is_recorded_as_removed)
{
    WithJournal world;
    world.store.desires("ann", "r1");
    world.store.refused["A/ann"] = "23514";
    world.sync_with_journal();
    EXPECT_EQ(world.journal.words(), (Words{"1 add ann r1 n1 done 200 x1", "2 remove r1 n1 done 200 x1"}));
}

TEST(Journal, adds_that_the_journal_does_not_take_are_left_for_the_next_sync)
{
    WithJournal world;
    world.journal.committed = 1;
    world.journal.is_dead = true;
    for (const std::string number : {"1", "2", "3"})
        world.store.desires("t" + number, "r" + number);
    const core::SyncResult result = world.sync_with_journal();
    EXPECT_EQ(summary(result), "partial: desired 3, added 2, failed 1, passes 1, requests 4");
    EXPECT_EQ(unit::notes(result), Words{"add journal t3"});
    world.journal.committed = 1000;
    EXPECT_EQ(summary(world.sync_with_journal()), "ok: desired 3, kept 2, added 1, passes 1, requests 3");
}

TEST(Journal, listings_are_recorded_where_requests_are_limited)
{
    WithJournal world;
    world.journal.is_limited = true;
    world.has_on_call("ann", "l1", "r1");
    world.flex.before_listing[1] = [&] {
        EXPECT_EQ(world.journal.words(), Words{"-1 list - x1"}) << "before it is sent";
    };
    world.sync_with_journal();
    EXPECT_EQ(world.journal.words(), Words{"-1 list done 200 x1"});
    world.has_on_call("bob", "l2", "r2");
    world.flex.pages = {unit::Page::TooMany};
    world.sync_with_journal();
    EXPECT_EQ(world.journal.words()[0], "-2 list refused 429 x1");
}

} // namespace
