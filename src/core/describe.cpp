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
        return "has a row, but the contact that it names is gone from Flex";
    case Reason::LineIsNoContact:
        return "has a row, but the line that it names is not a contact";
    case Reason::NamesNoLine:
        return "has a row that names no contact, and is not assigned";
    case Reason::NotDesired:
        return "is on the crew call, but not assigned";
    case Reason::NotDesiredAndGone:
        return "is not assigned any more, and the contact is gone from Flex already";
    case Reason::NeededByOther:
        return "is not assigned any more; the contact stays for somebody else with the same resource";
    case Reason::ResourceChanged:
        return "is on the crew call under a resource that is not assigned any more";
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
        return "is assigned and on the crew call already, but has no row that says so";
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
        return "is assigned with a resource that has white space at its ends or a control character";
    }
    return "";
}

std::string describe(const Step &step)
{
    std::string who = step.listed ? step.listed->name : std::string();
    if (who.empty() && step.technician)
        who = "technician " + step.technician->text();
    if (who.empty() && step.resource)
        who = "resource " + step.resource->text();
    if (who.empty())
        who = "a contact";
    return who.append(" ").append(sentence_of(step.reason));
}

} // namespace core
