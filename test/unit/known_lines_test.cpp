#include "core/known_lines.hpp"

#include <gtest/gtest.h>

using core::BusinessRoleId;
using core::KnownLine;
using core::KnownLines;
using core::Line;
using core::LineItemId;
using core::ResourceId;
using namespace std::chrono_literals;

namespace {

const LineItemId l1("l1"), l2("l2"), l3("l3");
const ResourceId r1("r1"), r2("r2");

/// "l1 r1": what must be written, and with a minus what must be deleted.
std::vector<std::string> changes(const KnownLines &known)
{
    const KnownLines::Difference difference = known.difference();
    std::vector<std::string> words;
    const auto word = [](const KnownLine &line) {
        return (line.line ? line.line->text() : "lost") + " " + line.asked.text();
    };
    for (const KnownLine &line : difference.forgotten)
        words.push_back("-" + word(line));
    for (const KnownLine &line : difference.known)
        words.push_back(word(line));
    return words;
}

using Words = std::vector<std::string>;

KnownLines loaded()
{
    KnownLines known;
    known.load({{.line = l1, .asked = r1, .shown = r1, .was_shown = true, .age = 48h},
                {.line = l2, .asked = r2, .tries = 3, .age = 48h},
                {.asked = r1, .age = 59min}});
    return known;
}

TEST(KnownLines, what_is_loaded_is_not_written_again)
{
    KnownLines known = loaded();
    known.mapped({.id = l1, .resource = r1}, r1);
    known.shown({.id = l1, .resource = r2});
    EXPECT_EQ(changes(known), Words{});
}

TEST(KnownLines, what_two_servers_remembered_of_one_line_is_one_memory)
{
    KnownLines known;
    known.load({{.line = l1, .asked = r1, .tries = 4, .age = 2h},
                {.line = l1, .asked = r1, .shown = r1, .was_shown = true, .role_sent = BusinessRoleId("b1")},
                {.line = l2, .asked = r2, .tries = 1, .age = 3h},
                {.line = l2, .asked = r2, .tries = 3, .age = 2min},
                {.asked = r1, .age = 50min},
                {.asked = r1, .age = 1min}});
    ASSERT_EQ(known.all().size(), 3u);
    EXPECT_FALSE(known.is_unshown(l1));
    EXPECT_EQ(known.all()[0].role_sent, BusinessRoleId("b1"));
    EXPECT_TRUE(known.is_unshown(l2));
    EXPECT_EQ(known.all()[1].tries, 3);
    EXPECT_EQ(known.all()[1].age, 2min);
    EXPECT_EQ(known.lost_add(r1)->age, 1min);
    known.deleted(l1);
    known.deleted(l2);
    EXPECT_EQ(changes(known), (Words{"-l1 r1", "-l2 r2"}));
}

TEST(KnownLines, of_two_memories_of_one_line_the_first_leads_and_the_other_fills_its_gaps)
{
    KnownLines known;
    known.load({{.line = l1, .asked = r1, .shown = r1, .was_shown = true},
                {.line = l1, .asked = r2, .shown = r2, .was_shown = true, .role_sent = BusinessRoleId("b1")},
                {.line = l2, .asked = r1, .role_sent = BusinessRoleId("b1")},
                {.line = l2, .asked = r2, .role_sent = BusinessRoleId("b2")}});
    ASSERT_EQ(known.all().size(), 2u);
    EXPECT_EQ(known.all()[0].asked, r1);
    EXPECT_EQ(known.all()[0].role_sent, BusinessRoleId("b1"));
    EXPECT_EQ(known.all()[1].asked, r1);
    EXPECT_EQ(known.all()[1].role_sent, BusinessRoleId("b1"));
}

TEST(KnownLines, a_line_that_is_mapped_is_known_as_it_is_shown)
{
    KnownLines known = loaded();
    known.mapped({.id = l3, .resource = r2}, r1);
    EXPECT_EQ(changes(known), Words{"l3 r1"});
    EXPECT_EQ(known.all().back().shown, r2);
    EXPECT_TRUE(known.all().back().was_shown);
}

TEST(KnownLines, a_line_that_is_shown_is_no_longer_waited_for)
{
    KnownLines known = loaded();
    EXPECT_TRUE(known.is_unshown(l2));
    known.shown({.id = l2, .kind = core::LineKind::Other});
    EXPECT_TRUE(known.is_unshown(l2));
    known.shown({.id = l2, .resource = r2});
    EXPECT_FALSE(known.is_unshown(l2));
    EXPECT_FALSE(known.is_unshown(l3));
    EXPECT_EQ(changes(known), Words{"l2 r2"});
}

TEST(KnownLines, tries_count_on_from_lines_that_were_never_shown)
{
    KnownLines known = loaded();
    known.added(l3, r2);
    EXPECT_EQ(known.all().back().tries, 4);
    known.added(LineItemId("l4"), r1);
    EXPECT_EQ(known.all().back().tries, 1);
}

TEST(KnownLines, a_lost_add_is_known_once_with_its_latest_time)
{
    KnownLines known = loaded();
    EXPECT_EQ(known.lost_add(r1)->age, 59min);
    EXPECT_FALSE(known.lost_add(r2));
    known.lost(r1, false);
    known.lost(r2, false);
    known.lost(r2, false);
    EXPECT_EQ(known.lost_add(r1)->age, 0ms);
    EXPECT_EQ(changes(known), (Words{"lost r1", "lost r2"}));
}

TEST(KnownLines, a_role_is_known_of_known_lines_only)
{
    KnownLines known = loaded();
    known.role_sent(l1, BusinessRoleId("foh"));
    known.role_sent(l3, BusinessRoleId("foh"));
    EXPECT_EQ(changes(known), Words{"l1 r1"});
}

TEST(KnownLines, what_is_deleted_is_forgotten_where_it_was_stored)
{
    KnownLines known = loaded();
    known.added(l3, r2);
    known.deleted(l3);
    known.deleted(l1);
    known.deleted(l1);
    EXPECT_EQ(changes(known), Words{"-l1 r1"});
    EXPECT_EQ(known.all().size(), 2u);
    EXPECT_TRUE(known.is_unshown(l2));
    EXPECT_EQ(known.lost_add(r1)->age, 59min);
}

TEST(KnownLines, tidying_keeps_what_is_alive_or_young)
{
    KnownLines known = loaded();
    known.alive(l1);
    known.alive(l2);
    known.tidy();
    EXPECT_EQ(changes(known), Words{});
    EXPECT_EQ(known.lost_add(r1)->age, 59min);

    known = loaded();
    known.alive(l1);
    known.tidy();
    EXPECT_EQ(changes(known), Words{"-l2 r2"});

    known = loaded();
    known.listed({.id = l1, .resource = r1});
    known.mapped({.id = l3, .resource = r2}, r2);
    known.tidy();
    EXPECT_EQ(changes(known), (Words{"-l2 r2", "l3 r2"}));

    known = loaded();
    known.tidy();
    EXPECT_EQ(changes(known), (Words{"-l2 r2", "-l1 r1"}));
}

TEST(KnownLines, tidying_lets_lost_adds_go_after_an_hour_and_unshown_lines_after_a_day)
{
    KnownLines known;
    known.load(
        {{.asked = r1, .age = 61min}, {.line = l1, .asked = r1, .age = 23h}, {.line = l2, .asked = r1, .age = 25h}});
    known.tidy();
    EXPECT_EQ(changes(known), (Words{"-l2 r1", "-lost r1"}));
}

TEST(KnownLines, a_lost_add_that_is_found_is_a_line_and_its_tries_begin_again)
{
    KnownLines known;
    known.load({{.asked = r1, .tries = 3, .age = 10min}, {.asked = r2, .age = 10min}});
    EXPECT_TRUE(known.is_loaded());
    known.found(l1, r1);
    EXPECT_EQ(known.lost_add(r1)->tries, 1);
    EXPECT_TRUE(known.is_unshown(l1));
    known.found(l2, r2);
    known.found(l3, ResourceId("r3"));
    EXPECT_EQ(changes(known), (Words{"lost r1", "l1 r1", "l2 r2", "l3 r3"}));
}

TEST(KnownLines, a_line_that_is_known_is_not_added_twice)
{
    KnownLines known = loaded();
    known.added(l1, r1);
    EXPECT_EQ(known.all().size(), 3u);
    EXPECT_EQ(changes(known), Words{});
}

TEST(KnownLines, what_a_line_shows_first_is_remembered)
{
    KnownLines known = loaded();
    known.shown({.id = l2, .resource = r1});
    EXPECT_EQ(known.all()[1].shown, r1);
}

TEST(KnownLines, a_line_that_is_mapped_otherwise_than_it_was_known_is_written_again)
{
    KnownLines known = loaded();
    known.mapped({.id = l1, .resource = r1}, r2);
    EXPECT_EQ(changes(known), Words{"l1 r2"});

    known = loaded();
    known.mapped({.id = l1, .resource = r2}, r1);
    EXPECT_EQ(changes(known), Words{"l1 r1"});
    EXPECT_EQ(known.all()[0].shown, r2);

    known = loaded();
    known.mapped({.id = l2}, r2);
    EXPECT_EQ(changes(known), Words{"l2 r2"});
    EXPECT_FALSE(known.is_unshown(l2));
}

TEST(KnownLines, an_hour_and_a_day_are_not_over_until_they_have_passed)
{
    KnownLines known;
    known.load({{.asked = r1, .age = 1h}, {.line = l1, .asked = r1, .age = 24h}});
    known.tidy();
    EXPECT_EQ(changes(known), Words{});
}

TEST(KnownLines, a_line_that_takes_the_place_of_a_deleted_one_stays_what_it_was)
{
    KnownLines known;
    known.load({{.line = l1, .asked = r1}, {.line = l2, .asked = r2, .shown = r2, .was_shown = true}});
    known.alive(l2);
    known.deleted(l1);
    known.tidy();
    EXPECT_EQ(changes(known), Words{"-l1 r1"}) << "it is alive";

    known = {};
    known.load({{.line = l1, .asked = r1}, {.line = l2, .asked = r2}});
    known.deleted(l1);
    known.shown({.id = l2, .resource = r1});
    EXPECT_TRUE(known.all()[0].was_shown) << "it is found";

    known = {};
    known.load({{.line = l1, .asked = r1}});
    known.added(l3, r2);
    known.deleted(l1);
    known.deleted(l3);
    EXPECT_EQ(changes(known), Words{"-l1 r1"}) << "it is not stored";
}

TEST(KnownLines, a_line_that_comes_after_a_deletion_is_new)
{
    KnownLines known;
    known.load({{.line = l1, .asked = r1}, {.line = l2, .asked = r2}});
    known.deleted(l2);
    known.added(l3, r2);
    known.deleted(l3);
    EXPECT_EQ(changes(known), Words{"-l2 r2"});
}

TEST(KnownLines, a_lost_add_that_is_tidied_away_is_lost_no_more)
{
    KnownLines known;
    known.load({{.asked = r1, .age = 2h}});
    known.tidy();
    EXPECT_EQ(known.lost_add(r1), nullptr);
}

} // namespace
