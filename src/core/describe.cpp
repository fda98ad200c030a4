#include "core/plan.hpp"

namespace core {

std::string_view name_of(Action action)
{
    switch (action) {
    case Action::Forget:
        return "forget";
    case Action::Remove:
        return "remove";
    case Action::Prune:
        return "prune";
    case Action::Retain:
        return "retain";
    case Action::Keep:
        return "keep";
    case Action::Adopt:
        return "adopt";
    case Action::Add:
        return "add";
    case Action::SetRole:
        return "set_role";
    case Action::Skip:
        return "skip";
    }
    return "";
}

std::string_view name_of(Prune prune)
{
    switch (prune) {
    case Prune::All:
        return "all";
    case Prune::Owned:
        return "owned";
    case Prune::None:
        return "none";
    }
    return "";
}

std::string_view sentence_of(Reason reason)
{
    switch (reason) {
    case Reason::ContactGone:
        return "was put on the crew call, but is not there any more";
    case Reason::LineIsNoContact:
        return "is recorded under a line of the crew call that is not a contact";
    case Reason::NamesNoLine:
        return "is not assigned, and is recorded here without a contact";
    case Reason::NotDesired:
        return "is on the crew call, but not assigned";
    case Reason::NotDesiredAndGone:
        return "is not assigned any more, and not on the crew call either";
    case Reason::NeededByOther:
        return "is not assigned any more; the contact stays for somebody else with the same resource";
    case Reason::ResourceChanged:
        return "has another resource now; this contact belongs to the former one";
    case Reason::Surplus:
        return "is on the crew call more than once; another contact stays";
    case Reason::PolicyRetains:
        return "is on the crew call, but not assigned; the prune policy leaves the contact";
    case Reason::ResourceUnclear:
        return "is on the crew call and may belong to a technician whose resource is not clear";
    case Reason::InPlace:
        return "is assigned and on the crew call";
    case Reason::NotShownYet:
        return "is assigned, and Flex accepted the contact, but does not show it yet";
    case Reason::ContactThere:
        return "is assigned and on the crew call already, but has no row in the database yet";
    case Reason::SharedWithOther:
        return "is assigned and shares the contact of another technician with the same resource";
    case Reason::NotOnCall:
        return "is assigned but not on the crew call";
    case Reason::RoleDiffers:
        return "should have another business role on the crew call";
    case Reason::NoResource:
        return "is assigned but has no resource in Flex";
    case Reason::ResourceConflict:
        return "is assigned with two different resources";
    case Reason::ResourceMalformed:
        return "is assigned with a resource that has white space at its ends, a control character or more than 200 "
               "bytes";
    }
    return "";
}

namespace {

/// The role by its id: Flex does not say what it is called.
std::string describe_role(const Step &step)
{
    std::string text = "should have business role \"" + step.role->text() + "\" on the crew call";
    if (step.listed && step.listed->role)
        text.append(", not \"").append(step.listed->role->text()).append("\"");
    return text;
}

} // namespace

std::string describe(const Step &step)
{
    std::string who = step.listed ? step.listed->name : std::string();
    if (who.empty() && step.technician)
        who = "technician " + step.technician->text();
    if (who.empty() && step.resource)
        who = "resource " + step.resource->text();
    if (who.empty())
        who = "a contact";
    who += ' ';
    return step.action == Action::SetRole && step.role ? who + describe_role(step)
                                                       : who.append(sentence_of(step.reason));
}

} // namespace core
