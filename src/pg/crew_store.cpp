#include "pg/crew_store.hpp"

#include "core/error.hpp"
#include "pg/json.hpp"
#include "pg/subtransaction.hpp"

#include <charconv>

namespace pg {

using core::Assignment;
using core::Error;
using core::RowError;

namespace {

constexpr Identity caller{Identity::Kind::Caller};
constexpr Identity reader{Identity::Kind::Reader};

std::optional<std::string> text_of(const std::optional<std::string_view> &value)
{
    return value ? std::optional<std::string>(*value) : std::nullopt;
}

/// An id that is NULL or empty is no id.
template <class Id> std::optional<Id> id_of(const std::optional<std::string_view> &value)
{
    return value && !value->empty() ? std::optional<Id>(Id(std::string(*value))) : std::nullopt;
}

std::string json_of(std::span<const Assignment> rows)
{
    JsonWriter json;
    json.begin_array();
    for (const Assignment &row : rows) {
        json.begin_object();
        json.text("crew_call_id", row.call.text());
        json.text("technician_id", row.technician.text());
        json.id("line", row.line);
        json.end_object();
    }
    json.end_array();
    return std::string(json.view());
}

} // namespace

CrewCall read_crew_call(Statements &statements, const CrewRelations &relations, const std::string &id)
{
    const std::string read_call = R"(
        SELECT c.job_id::pg_catalog.text, c.department::pg_catalog.text, c.flex_element_id::pg_catalog.text
        FROM )" + relations.calls() +
                                  R"( AS c
        WHERE c.id OPERATOR(pg_catalog.=) $1::pg_catalog.uuid)";
    Rows rows = statements.run(read_call, {id}, reader);
    if (rows.empty())
        throw Error("P0002", "crew call \"" + id + "\" does not exist", "",
                    "Take the id from " + relations.calls() + ".");
    CrewCall call{.id = id,
                  .job = text_of(rows.at(0, 0)),
                  .department = text_of(rows.at(0, 1)),
                  .element = text_of(rows.at(0, 2))};
    rows.release();
    if (!call.element || call.element->empty())
        throw Error("55000", "crew call \"" + id + "\" has no flex_element_id", "",
                    "Create the crew call in Flex, and store the id of its element in " + relations.calls() + ".");
    return call;
}

CrewStore::CrewStore(Statements &statements, CrewRelations relations, OwnTables own, std::string server,
                     const core::ElementId &element)
    : statements_(statements), relations_(std::move(relations)), own_(std::move(own)), server_(std::move(server)),
      element_(core::canonical_id(element.text()))
{
}

/// The calls that share the element, as the text of a uuid[].
std::string CrewStore::read_call_ids()
{
    // A text column may spell a UUID in another letter case; what differs in more than that is sorted out below.
    const std::string by_element =
        relations_.element_is_uuid
            ? R"( WHERE c.flex_element_id OPERATOR(pg_catalog.=) $1::pg_catalog.uuid)"
            : R"( WHERE pg_catalog.lower(c.flex_element_id::pg_catalog.text COLLATE pg_catalog."C")
                        OPERATOR(pg_catalog.=) pg_catalog.lower($1 COLLATE pg_catalog."C"))";
    const std::string read_calls = R"(
        SELECT c.id::pg_catalog.text, c.flex_element_id::pg_catalog.text FROM )" +
                                   relations_.calls() + " AS c" + by_element;
    Rows rows = statements_.run(read_calls, {element_}, reader);
    std::string ids = "{";
    for (std::size_t row = 0; row < rows.size(); ++row)
        if (core::same_id(*rows.at(row, 1), element_))
            ids.append(ids.size() > 1 ? "," : "").append(*rows.at(row, 0));
    rows.release();
    return ids + "}";
}

core::Crew CrewStore::read()
{
    const std::string call_ids = read_call_ids();
    const std::string read_crew = R"(
        SELECT crew.kind, crew.crew_call_id, crew.technician_id, crew.id, crew.role
        FROM (SELECT 'desired', d.crew_call_id::pg_catalog.text, d.technician_id::pg_catalog.text,
                     d.flex_resource_id::pg_catalog.text, d.business_role_id::pg_catalog.text
              FROM )" + relations_.desired() +
                                  R"( AS d
              WHERE d.crew_call_id OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.uuid[])
              UNION ALL
              SELECT 'row', a.crew_call_id::pg_catalog.text, a.technician_id::pg_catalog.text,
                     a.flex_line_item_id::pg_catalog.text, NULL
              FROM )" + relations_.assignments() +
                                  R"( AS a
              WHERE a.crew_call_id OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.uuid[])
             ) AS crew (kind, crew_call_id, technician_id, id, role)
        ORDER BY crew.kind COLLATE pg_catalog."C", crew.crew_call_id COLLATE pg_catalog."C",
                 crew.technician_id COLLATE pg_catalog."C", crew.id COLLATE pg_catalog."C",
                 crew.role COLLATE pg_catalog."C")";
    Rows rows = statements_.run(read_crew, {call_ids}, reader);
    core::Crew crew;
    for (std::size_t row = 0; row < rows.size(); ++row) {
        const std::optional<std::string_view> technician = rows.at(row, 2);
        if (!technician)
            continue;
        core::CrewCallId call{std::string(*rows.at(row, 1))};
        if (*rows.at(row, 0) == "desired")
            crew.desired.push_back({std::move(call), core::TechnicianId(std::string(*technician)),
                                    id_of<core::ResourceId>(rows.at(row, 3)),
                                    id_of<core::BusinessRoleId>(rows.at(row, 4))});
        else
            crew.rows.push_back({std::move(call), core::TechnicianId(std::string(*technician)),
                                 id_of<core::LineItemId>(rows.at(row, 3))});
    }
    rows.release();
    return crew;
}

void CrewStore::forget(std::span<const Assignment> rows)
{
    delete_rows(rows);
}

/// Deletes rows where they still name the line that they named when they were read.
void CrewStore::delete_rows(std::span<const Assignment> rows)
{
    const std::string delete_rows = "DELETE FROM " + relations_.assignments() + R"( AS a
        USING pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb)
              AS r (crew_call_id pg_catalog.uuid, technician_id pg_catalog.uuid, line pg_catalog.text)
        WHERE a.crew_call_id OPERATOR(pg_catalog.=) r.crew_call_id
          AND a.technician_id OPERATOR(pg_catalog.=) r.technician_id
          AND COALESCE(a.flex_line_item_id::pg_catalog.text, '') OPERATOR(pg_catalog.=) COALESCE(r.line, ''))";
    statements_.run(delete_rows, {json_of(rows)}, caller);
}

/// Maps technicians to lines, touching only rows that change. A row that a trigger suppressed comes back.
std::vector<RowError> CrewStore::upsert_rows(std::span<const Assignment> rows)
{
    const std::string upsert = "INSERT INTO " + relations_.assignments() + R"( AS a
               (crew_call_id, technician_id, flex_line_item_id)
        SELECT r.crew_call_id, r.technician_id, r.line::)" +
                               relations_.line_type + R"(
        FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb)
             AS r (crew_call_id pg_catalog.uuid, technician_id pg_catalog.uuid, line pg_catalog.text)
        ON CONFLICT (crew_call_id, technician_id) DO UPDATE SET flex_line_item_id = excluded.flex_line_item_id
        WHERE (a.flex_line_item_id::pg_catalog.text OPERATOR(pg_catalog.=)
               excluded.flex_line_item_id::pg_catalog.text) IS NOT TRUE
        RETURNING a.crew_call_id::pg_catalog.text)";
    const std::string read_missing = R"(
        SELECT r.ordinal::pg_catalog.text
        FROM ROWS FROM (pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb)
                        AS (crew_call_id pg_catalog.uuid, technician_id pg_catalog.uuid, line pg_catalog.text))
             WITH ORDINALITY AS r (crew_call_id, technician_id, line, ordinal)
        WHERE NOT EXISTS (
            SELECT FROM )" + relations_.assignments() +
                                     R"( AS a
            WHERE a.crew_call_id OPERATOR(pg_catalog.=) r.crew_call_id
              AND a.technician_id OPERATOR(pg_catalog.=) r.technician_id
              AND a.flex_line_item_id::pg_catalog.text OPERATOR(pg_catalog.=)
                  (r.line::)" + relations_.line_type +
                                     R"()::pg_catalog.text))";
    const std::string json = json_of(rows);
    Rows written = statements_.run(upsert, {json}, caller);
    const bool is_complete = written.size() == rows.size();
    written.release();
    if (is_complete)
        return {};
    Rows missing = statements_.run(read_missing, {json}, reader);
    std::vector<RowError> errors;
    for (std::size_t i = 0; i < missing.size(); ++i) {
        const std::string_view ordinal = *missing.at(i, 0);
        std::size_t place = 0;
        std::from_chars(ordinal.data(), ordinal.data() + ordinal.size(), place);
        errors.push_back(
            {.row = rows[place - 1], .sqlstate = "P0001", .message = "a trigger kept the row from being written"});
    }
    missing.release();
    return errors;
}

/// All at once; one by one only where that fails, so that one row does not keep the others from being written.
std::vector<RowError> CrewStore::write(std::span<const Assignment> gone, std::span<const Assignment> mapped)
{
    std::vector<RowError> errors;
    const auto undone = in_subtransaction([&] {
        if (!gone.empty())
            delete_rows(gone);
        if (!mapped.empty())
            errors = upsert_rows(mapped);
    });
    return undone ? write_each(gone, mapped) : errors;
}

std::vector<RowError> CrewStore::write_each(std::span<const Assignment> gone, std::span<const Assignment> mapped)
{
    std::vector<RowError> errors;
    const auto take = [&errors](const Assignment &row, const std::optional<UndoneError> &undone) {
        if (undone)
            errors.push_back({.row = row, .sqlstate = undone->sqlstate, .message = undone->message});
    };
    for (const Assignment &row : gone)
        take(row, in_subtransaction([&] { delete_rows({&row, 1}); }));
    for (const Assignment &row : mapped)
        take(row, in_subtransaction([&] {
                 const std::vector<RowError> suppressed = upsert_rows({&row, 1});
                 errors.insert(errors.end(), suppressed.begin(), suppressed.end());
             }));
    return errors;
}

} // namespace pg
