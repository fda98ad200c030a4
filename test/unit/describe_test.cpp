// What a step is called for a person.

#include "core/plan.hpp"

#include <gtest/gtest.h>

using core::Action;
using core::describe;
using core::Reason;
using core::Step;

namespace {

const core::TechnicianId ann("ann");
const core::ResourceId resource("r1");
const core::BusinessRoleId foh("foh"), monitors("monitors");

TEST(Describe, a_contact_goes_by_its_name_in_flex_before_any_id)
{
    const core::Line named{.id = core::LineItemId("l1"), .resource = resource, .name = "Ann Lee"};
    const core::Line unnamed{.id = core::LineItemId("l1"), .resource = resource};
    Step step{
        .action = Action::Keep, .reason = Reason::InPlace, .technician = &ann, .resource = &resource, .listed = &named};
    EXPECT_EQ(describe(step), "Ann Lee is assigned and on the crew call");
    step.listed = &unnamed;
    EXPECT_EQ(describe(step), "technician ann is assigned and on the crew call");
    step.technician = nullptr;
    EXPECT_EQ(describe(step), "resource r1 is assigned and on the crew call");
    step.resource = nullptr;
    EXPECT_EQ(describe(step), "a contact is assigned and on the crew call");
}

TEST(Describe, a_role_is_told_with_the_one_that_flex_shows)
{
    const core::Line with_role{.id = core::LineItemId("l1"), .role = monitors};
    const core::Line without_role{.id = core::LineItemId("l1")};
    Step step{.action = Action::SetRole, .reason = Reason::RoleDiffers, .technician = &ann, .role = &foh};
    EXPECT_EQ(describe(step), "technician ann should have business role \"foh\" on the crew call");
    step.listed = &without_role;
    EXPECT_EQ(describe(step), "technician ann should have business role \"foh\" on the crew call");
    step.listed = &with_role;
    EXPECT_EQ(describe(step), "technician ann should have business role \"foh\" on the crew call, not \"monitors\"");
}

TEST(Describe, only_a_step_about_a_role_speaks_of_it)
{
    const Step add{.action = Action::Add, .reason = Reason::NotOnCall, .technician = &ann, .role = &foh};
    EXPECT_EQ(describe(add), "technician ann is assigned but not on the crew call");
}

} // namespace
