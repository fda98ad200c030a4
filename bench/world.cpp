#include "world.hpp"

#include <stdexcept>

namespace bench {

namespace {

std::string array_of(const CrewCall &call, const People &people, std::string (CrewCall::*id)(int) const)
{
    std::string array = "{";
    for (int n = people.first; n <= people.last; ++n)
        array += (n > people.first ? "," : "") + (call.*id)(n);
    return array + "}";
}

/// The people as Flex shows them.
std::string rows_of(const CrewCall &call, const People &people)
{
    std::string rows;
    for (int n = people.first; n <= people.last; ++n)
        rows += std::string(n > people.first ? "," : "[") + R"({"id": ")" + call.line(n) + R"(", "resource": ")" +
                call.resource(n) + R"(", "role": ")" + business_role + R"("})";
    return (rows.empty() ? "[" : rows) + "]";
}

} // namespace

void World::set_latency(int ms)
{
    simulator.configure(R"({"latency_ms": )" + std::to_string(ms) + "}");
}

void World::clear()
{
    admin_.run("TRUNCATE flex_crew_calls, flex_crew_assignments, flex_desired_crew, flex_sync_contact");
}

void World::add_call(const CrewCall &call)
{
    admin_.run("INSERT INTO flex_crew_calls (id, flex_element_id) VALUES ($1, $2)", {call.id(), call.element()});
}

void World::make_crew(const CrewCall &call, const People &people)
{
    simulator.seed(call.element(), rows_of(call, people));
    admin_.run("DELETE FROM flex_sync_contact WHERE flex_element_id = $1", {call.element()});
    admin_.run("DELETE FROM flex_crew_assignments WHERE crew_call_id = $1", {call.id()});
    admin_.run("DELETE FROM flex_desired_crew WHERE crew_call_id = $1", {call.id()});
    desire(call, people);
    admin_.run(R"(
        INSERT INTO flex_crew_assignments (crew_call_id, technician_id, flex_line_item_id)
        SELECT $1, technician, line FROM unnest($2::uuid[], $3::text[]) AS _ (technician, line))",
               {call.id(), array_of(call, people, &CrewCall::technician), array_of(call, people, &CrewCall::line)});
}

void World::vacuum()
{
    for (const char *table : {"flex_sync_contact", "flex_crew_assignments", "flex_desired_crew", "flex_crew_calls"})
        admin_.run(std::string("VACUUM ANALYZE ") + table);
}

void World::set_journal(bool is_on)
{
    admin_.run(R"(
        DO $$ BEGIN
            ALTER SERVER flex OPTIONS (DROP journal);
        EXCEPTION WHEN undefined_object THEN
        END $$)");
    if (!is_on)
        admin_.run("ALTER SERVER flex OPTIONS (ADD journal 'off')");
}

int World::worker()
{
    return std::stoi(admin_.value("SELECT max(pid) FROM pg_stat_activity WHERE backend_type = 'flex_sync journal'"));
}

void World::end_workers()
{
    admin_.run("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE backend_type = 'flex_sync journal'");
}

void World::set_bulk_delete(bool is_on)
{
    simulator.configure(R"({"bulk_delete": "act"})");
    admin_.run(is_on ? "ALTER SERVER flex OPTIONS (ADD bulk_delete 'lineItemIds')"
                     : "ALTER SERVER flex OPTIONS (DROP bulk_delete)");
}

void World::change_crew(const CrewCall &call, const Scenario &scenario)
{
    desire(call, scenario.added);
    admin_.run("DELETE FROM flex_desired_crew WHERE crew_call_id = $1 AND technician_id = ANY ($2::uuid[])",
               {call.id(), array_of(call, scenario.removed, &CrewCall::technician)});
    for (int n = scenario.dropped.first; n <= scenario.dropped.last; ++n)
        if (!simulator.delete_line(call.line(n)))
            throw std::runtime_error("Flex has no line " + call.line(n));
}

int World::kept_if_in_sync(const CrewCall &call)
{
    const driver::Reply plan = admin_.run(R"(
        SELECT count(*) FILTER (WHERE action = 'keep') AS kept, count(*) FILTER (WHERE action <> 'keep') AS open
        FROM flex_sync_plan($1))",
                                          {call.id()});
    return plan.at("open") == "0" ? std::stoi(plan.at("kept")) : -1;
}

void World::desire(const CrewCall &call, const People &people)
{
    admin_.run(R"(
        INSERT INTO flex_desired_crew (crew_call_id, technician_id, flex_resource_id, business_role_id)
        SELECT $1, technician, resource, $4 FROM unnest($2::uuid[], $3::text[]) AS _ (technician, resource))",
               {call.id(), array_of(call, people, &CrewCall::technician), array_of(call, people, &CrewCall::resource),
                business_role});
}

} // namespace bench
