// flex_sync_plan and flex_crew_contacts: what a sync would do, and what Flex shows. They read Flex once and change
// nothing.

#include "core/sync.hpp"
#include "pg/crew/crew_session.hpp"
#include "pg/crew/request_budget.hpp"
#include "pg/server/encoding.hpp"
#include "pg/server/result_tuple.hpp"
#include "pg/server/time_limit.hpp"

#include <unordered_map>

#include "pg/server/wall.hpp"

namespace pg {

namespace {

template <class Id> std::optional<std::string> text_of(const Id *id)
{
    return id ? std::optional(id->text()) : std::nullopt;
}

/// One crew, read, listed and planned as a sync would.
class Preview {
public:
    /// Throws what `throw_listing_error` throws if the listing does not come.
    Preview(CrewSession &session, core::Prune prune)
        : element_(session.element()), policy_{.prune = prune,
                                               .deadline =
                                                   time_limit(clock_.now(), session.connection.options.deadline),
                                               .only_plans = true},
          store_(session.statements, session.relations, session.own, session.connection.server, element_),
          flex_(session.connection.options.url, session.connection.options.http, waiter_),
          sync_(policy_, store_, clock_)
    {
        core::carry_through(sync_, sync_.begin(), element_, flex_, clock_);
        ServerBudget(session.statements, session.own, session.connection).note(flex_.requests_sent());
        if (sync_.last_listing().outcome != core::Outcome::Done)
            throw_listing_error(session.call, session.connection.server, sync_.last_listing());
    }

    const core::Plan &plan() const { return sync_.picture().plan(); }
    const std::vector<core::Line> &lines() const { return sync_.picture().lines(); }

private:
    LatchWaiter waiter_;
    LatchClock clock_;
    core::ElementId element_;
    core::Policy policy_;
    CrewStore store_;
    flex::Client flex_;
    core::Sync sync_;
};

Datum sync_plan(FunctionCallInfo fcinfo)
{
    check_encoding();
    const std::string call_id = call_id_argument(fcinfo);
    const std::optional<std::string> prune = text_argument(fcinfo, 1);
    prune_argument(prune, core::Prune::All);
    CrewSession session(fcinfo, call_id, Access::Read);
    const Preview preview(session, prune_argument(prune, session.connection.options.prune));

    ResultSet rows(fcinfo);
    int number = 0;
    for (const core::Step &step : preview.plan().steps)
        rows.add({{"step", std::to_string(++number)},
                  {"crew_call_id", step.call ? step.call->text() : session.call.id},
                  {"action", std::string(core::name_of(step.action))},
                  {"technician_id", text_of(step.technician)},
                  {"flex_resource_id", text_of(step.resource)},
                  {"flex_line_item_id", text_of(step.line)},
                  {"reason", core::describe(step)}});
    session.statements.finish();
    return 0;
}

/// Whom we know a line to belong to, and whether they should be on the crew call.
struct Owner {
    std::string technician;
    bool is_desired;
};

std::unordered_map<core::LineItemId, Owner> owners_in(const core::Plan &plan)
{
    std::unordered_map<core::LineItemId, Owner> owners;
    for (const core::Step &step : plan.steps) {
        if (!step.line || !step.technician || step.action == core::Action::SetRole)
            continue;
        const bool is_desired = step.action == core::Action::Keep || step.action == core::Action::Adopt;
        owners.emplace(*step.line, Owner{step.technician->text(), is_desired});
    }
    return owners;
}

std::optional<std::string> kind_of(const core::Line &line)
{
    switch (line.kind) {
    case core::LineKind::Contact:
        return "contact";
    case core::LineKind::Other:
        return line.type;
    case core::LineKind::Untyped:
        break;
    }
    return std::nullopt;
}

Datum crew_contacts(FunctionCallInfo fcinfo)
{
    check_encoding();
    CrewSession session(fcinfo, call_id_argument(fcinfo), Access::Read);
    const Preview preview(session, core::Prune::None);
    const std::unordered_map<core::LineItemId, Owner> owners = owners_in(preview.plan());

    ResultSet rows(fcinfo);
    for (const core::Line &line : preview.lines()) {
        const auto owner = owners.find(line.id);
        const bool is_known = owner != owners.end();
        rows.add({{"flex_line_item_id", line.id.text()},
                  {"flex_resource_id", line.resource ? std::optional(line.resource->text()) : std::nullopt},
                  {"kind", kind_of(line)},
                  {"name", line.name.empty() ? std::nullopt : std::optional(line.name)},
                  {"business_role_id", line.role ? std::optional(line.role->text()) : std::nullopt},
                  {"technician_id", is_known ? std::optional(owner->second.technician) : std::nullopt},
                  {"desired", is_known && owner->second.is_desired ? "true" : "false"}});
    }
    session.statements.finish();
    return 0;
}

} // namespace

} // namespace pg

FLEX_SYNC_FUNCTION(flex_sync_plan, pg::sync_plan)
FLEX_SYNC_FUNCTION(flex_crew_contacts, pg::crew_contacts)
