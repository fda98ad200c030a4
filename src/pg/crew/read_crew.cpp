// What a sync reads of the crew relations. Each statement sees all that has committed by then.

#include "pg/crew/crew_store.hpp"

#include "core/error.hpp"

namespace pg {

using core::Assignment;
using core::Error;

namespace {

constexpr Identity reader{Identity::Kind::Reader};

constexpr std::string_view read_call_sql = R"(
    SELECT c.job_id::pg_catalog.text, c.department::pg_catalog.text, c.flex_element_id::pg_catalog.text
    FROM {calls} AS c
    WHERE c.id OPERATOR(pg_catalog.=) $1::pg_catalog.uuid)";

} // namespace

CrewCall read_crew_call(Statements &statements, const CrewRelations &relations, const std::string &id)
{
    const Rows rows = statements.run(relations.in(read_call_sql), {id}, reader);
    if (rows.empty())
        throw Error("P0002", "crew call \"" + id + "\" does not exist", "",
                    "Take the id from " + relations.calls() + ".");
    CrewCall call{.id = id, .job = rows.text(0, 0), .department = rows.text(0, 1), .element = rows.text(0, 2)};
    if (!call.element || call.element->empty())
        throw Error("55000", "crew call \"" + id + "\" has no flex_element_id", "",
                    "Create the crew call in Flex, and store the id of its element in " + relations.calls() + ".");
    return call;
}

namespace {

// Whether call c is of element $1, which is canonical: where the column is a uuid; where it is text, which may spell a
// UUID in another letter case; where it is text and $1 is no UUID.
constexpr std::string_view is_of_element_uuid = "c.flex_element_id OPERATOR(pg_catalog.=) $1::pg_catalog.uuid";
constexpr std::string_view is_of_element_text_of_uuid =
    R"(pg_catalog.lower(c.flex_element_id::pg_catalog.text COLLATE pg_catalog."C") OPERATOR(pg_catalog.=) $1)";
constexpr std::string_view is_of_element_text =
    R"(pg_catalog.lower(c.flex_element_id::pg_catalog.text COLLATE pg_catalog."C")
       OPERATOR(pg_catalog.=) pg_catalog.lower($1 COLLATE pg_catalog."C")
       AND c.flex_element_id::pg_catalog.text COLLATE pg_catalog."C" OPERATOR(pg_catalog.=) $1)";

// All three relations in one snapshot, of all calls of the element. The conditions stand at each relation, where they
// reach the tables of a view.
constexpr std::string_view read_crew_sql = R"(
    SELECT 'desired', d.crew_call_id::pg_catalog.uuid, d.technician_id::pg_catalog.uuid,
           d.flex_resource_id::pg_catalog.text, d.business_role_id::pg_catalog.text
    FROM {desired} AS d
    WHERE d.crew_call_id OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT c.id FROM {calls} AS c WHERE {is_of_element}))
      AND d.technician_id IS NOT NULL
    UNION ALL
    SELECT 'call', c.id::pg_catalog.uuid, c.id::pg_catalog.uuid, NULL, NULL
    FROM {calls} AS c
    WHERE {is_of_element}
    UNION ALL
    SELECT 'row', a.crew_call_id::pg_catalog.uuid, a.technician_id::pg_catalog.uuid,
           a.flex_line_item_id::pg_catalog.text, NULL
    FROM {assignments} AS a
    WHERE a.crew_call_id OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT c.id FROM {calls} AS c WHERE {is_of_element}))
      AND a.technician_id IS NOT NULL)";

std::string statement_to_read_crew(const CrewRelations &relations, std::string_view element)
{
    constexpr std::string_view place = "{is_of_element}";
    std::string sql(read_crew_sql);
    const std::string_view condition = relations.element_is_uuid ? is_of_element_uuid
                                       : core::is_uuid(element)  ? is_of_element_text_of_uuid
                                                                 : is_of_element_text;
    for (std::size_t at; (at = sql.find(place)) != std::string::npos;)
        sql.replace(at, place.size(), condition);
    return relations.in(sql);
}

} // namespace

core::Crew CrewStore::read()
{
    read_as_of_ = now();
    core::Crew crew{.has_call = false};
    const auto take = [&](const Row &row) {
        if (*row.at(0) == "call") {
            crew.has_call = true;
            return;
        }
        const core::CrewCallId call(row.uuid(1));
        const core::TechnicianId technician(row.uuid(2));
        if (*row.at(0) == "desired")
            crew.desired.push_back({call, technician, row.id<core::ResourceId>(3), row.id<core::BusinessRoleId>(4)});
        else
            crew.rows.push_back({call, technician, row.id<core::LineItemId>(3)});
    };
    const std::string statement = statement_to_read_crew(relations_, element_);
    guard_.run([&] {
        statements_.for_each(statement, {element_}, reader, take);
        is_local_ = statements_.reads_local_tables_only(statement);
    });
    return crew;
}

/// Nothing that a snapshot shows changes before another transaction ends. What comes from elsewhere does.
CrewMoment CrewStore::now()
{
    return {.ended = call([] { return GetLatestSnapshot()->snapXactCompletionCount; }), .written = written_};
}

bool CrewStore::is_as_read()
{
    return is_local_ && now() == read_as_of_;
}

} // namespace pg
