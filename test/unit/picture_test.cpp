// What a sync knows of both sides, and the plan that points into it.

#include "core/ledger.hpp"
#include "core/picture.hpp"

#include <gtest/gtest.h>

using core::Action;
using core::Crew;
using core::CrewCallId;
using core::KnownLines;
using core::Ledger;
using core::LineItemId;
using core::Picture;
using core::Prune;
using core::Reason;
using core::ResourceId;
using core::Step;
using core::TechnicianId;

namespace {

const CrewCallId call("A");
const TechnicianId ann("ann");
const LineItemId l1("l1");
const ResourceId r1("r1");

/// Rows of technicians whom nobody desires any more, the first of them under lines that are gone.
Picture picture_of_rows(int rows)
{
    Crew crew;
    for (int i = 1; i <= rows; ++i)
        crew.rows.push_back({call, TechnicianId("t" + std::to_string(i)), LineItemId("l" + std::to_string(i))});
    Picture picture(Prune::All, {});
    picture.take(std::move(crew));
    return picture;
}

/// How many lines are in doubt if a listing does not show the first ones.
std::size_t doubtful_of(int gone, int rows)
{
    KnownLines known;
    const Ledger ledger(known);
    const Picture picture = picture_of_rows(rows);
    std::vector<core::Line> lines;
    for (int i = gone + 1; i <= rows; ++i)
        lines.push_back({.id = LineItemId("l" + std::to_string(i)), .resource = r1});
    const core::View view = picture.view(std::move(lines), ledger);
    return picture.doubtful_lines(view.plan, ledger, false).size();
}

TEST(Picture, two_fifths_of_the_rows_are_many_and_one_row_never_is)
{
    EXPECT_EQ(doubtful_of(2, 5), 2u);
    EXPECT_EQ(doubtful_of(2, 6), 0u);
    EXPECT_EQ(doubtful_of(1, 2), 0u);
}

TEST(Picture, a_change_of_its_lists_lets_go_of_the_plan)
{
    KnownLines known;
    const Ledger ledger(known);
    Picture picture = picture_of_rows(2);
    picture.replan(known, ledger);
    EXPECT_EQ(picture.plan().steps.size(), 2u);
    picture.know(known, ledger);
    EXPECT_TRUE(picture.plan().steps.empty());
    picture.replan(known, ledger);
    picture.take({});
    EXPECT_TRUE(picture.plan().steps.empty());
}

TEST(Picture, a_plan_is_made_of_what_is_known_by_now)
{
    KnownLines known;
    const Ledger ledger(known);
    Picture picture(Prune::Owned, {});
    picture.believe(picture.view({{.id = l1, .resource = r1}}, ledger));
    EXPECT_EQ(picture.plan().steps.at(0).action, Action::Retain);
    known.added(l1, r1);
    picture.replan(known, ledger);
    EXPECT_EQ(picture.plan().steps.at(0).action, Action::Prune);
}

TEST(Picture, a_contact_that_is_being_removed_goes_under_any_policy)
{
    KnownLines known;
    Ledger ledger(known);
    const core::Assignment row{call, ann, l1};
    ledger.sending({.action = Action::Remove,
                    .reason = Reason::ResourceChanged,
                    .call = &call,
                    .technician = &ann,
                    .resource = &r1,
                    .line = &l1,
                    .row = &row});
    Picture picture(Prune::None, {});
    picture.believe(picture.view({{.id = l1, .resource = r1}}, ledger));
    EXPECT_EQ(picture.plan().steps.at(0).action, Action::Retain);
    picture.replan(known, ledger);
    EXPECT_EQ(picture.plan().steps.at(0).action, Action::Remove);
    EXPECT_EQ(picture.plan().steps.at(0).reason, Reason::ResourceChanged);
}

TEST(Picture, a_row_that_names_no_line_is_in_no_doubt)
{
    KnownLines known;
    Ledger ledger(known);
    const core::Assignment named{call, ann, l1};
    ledger.sending({.action = Action::Remove,
                    .reason = Reason::NotDesired,
                    .call = &call,
                    .technician = &ann,
                    .resource = &r1,
                    .line = &l1,
                    .row = &named});
    Picture picture(Prune::All, {});
    Crew crew;
    crew.rows.push_back({call, ann, std::nullopt});
    picture.take(std::move(crew));
    const core::View view = picture.view({}, ledger);
    EXPECT_TRUE(picture.doubtful_lines(view.plan, ledger, true).empty());
}

} // namespace
