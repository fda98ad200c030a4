// What holds after any history of syncs, faults and edits by hand, once a last sync has had its peace.

#include "random.hpp"
#include "world.hpp"

#include <gtest/gtest.h>

#include <set>

using core::DesiredMember;
using core::SyncResult;
using unit::Fate;
using unit::Page;
using unit::Random;
using unit::Words;
using unit::World;
using namespace std::chrono_literals;

namespace {

constexpr unsigned long scripts = 600;

/// A world at which chance plays, with a diary of what it did.
class Script {
public:
    explicit Script(unsigned long number) : random_(number)
    {
        world.prune =
            random_.one_of(std::vector{core::Prune::All, core::Prune::All, core::Prune::Owned, core::Prune::None});
        world.max_removals = 1000;
        for (int i = random_.below(5); i-- > 0;)
            edit();
    }

    void run()
    {
        for (int syncs = 1 + random_.below(5); syncs-- > 0;) {
            for (int edits = random_.below(4); edits-- > 0;)
                edit();
            go_wrong();
            sync();
            world.clock.pass(core::Milliseconds(random_.below(2) * random_.below(200'000)));
        }
    }

    /// From here on nothing goes wrong any more, and what was on its way has come.
    SyncResult quiet_sync()
    {
        world.flex.chance = nullptr;
        world.flex.fates.clear();
        world.flex.pages.clear();
        world.flex.after_changes = nullptr;
        world.flex.add_lag = world.flex.deletion_lag = world.flex.role_lag = 0s;
        world.store.refused.clear();
        world.time_limit = 30s;
        world.clock.pass(25h);
        return sync();
    }

    SyncResult sync()
    {
        diary += "sync";
        const unit::FakeStore::Snapshot before = world.store.snapshot();
        const SyncResult result = world.sync();
        for (const std::string &request : world.flex.sent)
            diary += ", " + request;
        diary += "\n  " + unit::summary(result) + "\n";
        for (const std::string &note : unit::notes(result))
            diary += "  " + note + "\n";
        expect_consistent(result);
        if (is_chaos_ && random_.chance(5))
            roll_back(before);
        return result;
    }

    void rest() { is_chaos_ = false; }

    World world;
    std::string diary;

private:
    void roll_back(const unit::FakeStore::Snapshot &before)
    {
        diary += "  rolled back\n";
        world.store.roll_back(before);
        world.flex.forgives_adds();
    }

    static void expect_consistent(const SyncResult &result)
    {
        if (result.status == core::Status::Ok) {
            EXPECT_EQ(result.counts.failed, 0);
            EXPECT_EQ(result.counts.desired,
                      result.counts.kept + result.counts.adopted + result.counts.added + result.counts.skipped);
        } else if (result.status == core::Status::Partial) {
            EXPECT_GT(result.counts.failed, 0);
        }
        EXPECT_LE(result.passes, 3);
    }

    std::string technician() { return "t" + std::to_string(random_.below(6)); }
    std::string resource() { return "r" + std::to_string(random_.below(7)); }
    std::string call() { return random_.chance(80) ? "A" : "B"; }
    std::string role() { return random_.one_of(Words{"", "foh", "mon"}); }

    /// A contact that is there, or one that never was.
    std::string line()
    {
        const Words contacts = world.flex.contacts();
        return contacts.empty() ? "l0" : random_.one_of(contacts).substr(0, random_.one_of(contacts).find(' '));
    }

    void desire(const std::string &who, const std::string &on, const std::string &as)
    {
        std::erase_if(world.store.desired, [&](const DesiredMember &member) {
            return member.technician.text() == who && member.call.text() == on;
        });
        world.store.desires(who, as, role(), on);
    }

    /// Somebody changes something, here or in Flex.
    void edit()
    {
        const std::string who = technician();
        const std::string on = call();
        const std::string what = line();
        const std::string as = random_.chance(90) ? (random_.chance(80) ? "r" + who.substr(1) : resource()) : "";
        const int kind = random_.below(9);
        diary += "edit " + std::to_string(kind) + " " + who + " " + on + " " + as + " " + what + "\n";
        if (kind < 4)
            desire(who, on, as);
        else if (kind == 4)
            world.store.withdraws(who);
        else if (kind == 5)
            world.flex.shows("h" + std::to_string(++hand_made_), resource(), role());
        else if (kind == 6)
            world.flex.loses(what);
        else if (kind == 7)
            world.store.loses_row(who, on);
        else
            world.flex.sets_role(what, "hand");
    }

    void go_wrong()
    {
        const int percent = random_.one_of(std::vector{0, 10, 40});
        world.flex.chance = [this, percent](const std::string &request) {
            if (!random_.chance(percent))
                return Fate::Done;
            std::vector fates{Fate::Refused,   Fate::RefusedForNow, Fate::NothingDone,
                              Fate::LostAfter, Fate::LostBefore,    Fate::ActsLate};
            if (request.starts_with("add"))
                fates.push_back(Fate::NeverShown);
            return random_.one_of(fates);
        };
        world.flex.late_by = core::Milliseconds(random_.below(10'000));
        world.flex.pages.clear();
        for (int i = random_.below(6); i-- > 0;)
            world.flex.pages.push_back(
                random_.chance(100 - percent)
                    ? Page::Whole
                    : random_.one_of(std::vector{Page::Cut, Page::Slow, Page::Refused, Page::TooMany, Page::Empty,
                                                 Page::Half, Page::Tail, Page::Labels}));
        world.flex.add_lag = core::Milliseconds(random_.chance(percent) ? random_.below(8000) : 0);
        world.flex.deletion_lag = core::Milliseconds(random_.chance(percent) ? random_.below(8000) : 0);
        world.flex.role_lag = core::Milliseconds(random_.chance(percent) ? random_.below(8000) : 0);
        world.flex.after_changes = random_.chance(percent) ? std::function<void()>([this] { edit(); }) : nullptr;
        world.time_limit = core::Milliseconds(random_.chance(percent) ? random_.below(6000) : 30'000);
        world.store.refused.clear();
        if (random_.chance(percent / 2))
            world.store.refused[call() + "/" + technician()] =
                random_.one_of(Words{"23503", "P0001", "40P01", "55P03", "22001"});
    }

    Random random_;
    bool is_chaos_ = true;
    int hand_made_ = 0;
};

/// Everybody who is desired and known to Flex is called once, and the row says so; nobody else has a row.
void expect_converged(const World &world)
{
    std::set<std::string> keys;
    for (const DesiredMember &member : world.store.desired) {
        const std::string key = member.call.text() + "/" + member.technician.text();
        keys.insert(key);
        if (!member.resource)
            continue;
        const auto row = world.store.all_rows().find(key);
        ASSERT_NE(row, world.store.all_rows().end()) << key;
        EXPECT_EQ(world.flex.resource_of(*row->second.line), member.resource) << key;
        if (world.prune == core::Prune::All) {
            EXPECT_EQ(world.flex.contacts_of(*member.resource), 1) << member.resource->text();
        }
    }
    for (const auto &[key, row] : world.store.all_rows())
        EXPECT_TRUE(keys.contains(key)) << key;
}

void expect_nobody_else_called(const World &world)
{
    std::set<std::string> wanted;
    for (const DesiredMember &member : world.store.desired)
        if (member.resource)
            wanted.insert(member.resource->text());
    // Whoever has no resource keeps the contact that their row names.
    for (const auto &[key, row] : world.store.all_rows())
        if (const auto resource = world.flex.resource_of(*row.line))
            wanted.insert(resource->text());
    for (const std::string &contact : world.flex.contacts()) {
        const std::size_t from = contact.find(' ') + 1;
        EXPECT_TRUE(wanted.contains(contact.substr(from, contact.find(' ', from) - from))) << contact;
    }
}

TEST(SyncProperty, a_quiet_sync_mends_whatever_happened_before)
{
    for (unsigned long number = 0; number < scripts && !testing::Test::HasFailure(); ++number) {
        Script script(number);
        World &world = script.world;
        script.run();
        script.rest();
        const SyncResult result = script.quiet_sync();
        const int writes = world.store.rows_written + world.store.rows_deleted + world.store.memory_writes;
        const SyncResult again = script.sync();
        SCOPED_TRACE("script " + std::to_string(number) + "\n" + script.diary);
        EXPECT_EQ(core::name_of(result.status), "ok");
        expect_converged(world);
        if (world.prune == core::Prune::All)
            expect_nobody_else_called(world);
        EXPECT_EQ(world.flex.unjustified_adds, Words{});
        EXPECT_EQ(core::name_of(again.status), "ok");
        EXPECT_EQ(world.flex.sent, Words{"list"});
        EXPECT_EQ(world.store.rows_written + world.store.rows_deleted + world.store.memory_writes, writes);
    }
}

} // namespace
