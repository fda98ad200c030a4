// What a sync writes into the crew relations.

#include "pg/crew_store.hpp"

#include "core/sync_run.hpp"
#include "pg/json.hpp"

#include <charconv>
#include <unordered_set>

namespace pg {

using core::Assignment;
using core::RowError;

namespace {

constexpr Identity caller{Identity::Kind::Caller};
constexpr Identity reader{Identity::Kind::Reader};

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

// Only where a row still names the line that it named when it was read.
constexpr std::string_view delete_rows_sql = R"(
    DELETE FROM {assignments} AS a
    USING pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb)
          AS r (crew_call_id pg_catalog.uuid, technician_id pg_catalog.uuid, line pg_catalog.text)
    WHERE a.crew_call_id OPERATOR(pg_catalog.=) r.crew_call_id
      AND a.technician_id OPERATOR(pg_catalog.=) r.technician_id
      AND COALESCE(a.flex_line_item_id::pg_catalog.text, '') OPERATOR(pg_catalog.=) COALESCE(r.line, '')
    RETURNING a.crew_call_id::pg_catalog.text)";

// Which of those rows are there after it.
constexpr std::string_view read_remaining_sql = R"(
    SELECT r.ordinal::pg_catalog.text
    FROM ROWS FROM (pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb)
                    AS (crew_call_id pg_catalog.uuid, technician_id pg_catalog.uuid, line pg_catalog.text))
         WITH ORDINALITY AS r (crew_call_id, technician_id, line, ordinal)
    JOIN {assignments} AS a ON a.crew_call_id OPERATOR(pg_catalog.=) r.crew_call_id
     AND a.technician_id OPERATOR(pg_catalog.=) r.technician_id
     AND COALESCE(a.flex_line_item_id::pg_catalog.text, '') OPERATOR(pg_catalog.=) COALESCE(r.line, ''))";

// Touches only rows that change. A line that is still to be made stands as a UUID, which fits a column of either type.
constexpr std::string_view upsert_rows_sql = R"(
    INSERT INTO {assignments} AS a (crew_call_id, technician_id, flex_line_item_id)
    SELECT r.crew_call_id, r.technician_id,
           COALESCE(r.line, pg_catalog.gen_random_uuid()::pg_catalog.text)::{line_type}
    FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb)
         AS r (crew_call_id pg_catalog.uuid, technician_id pg_catalog.uuid, line pg_catalog.text)
    ON CONFLICT (crew_call_id, technician_id) DO UPDATE SET flex_line_item_id = excluded.flex_line_item_id
    WHERE (a.flex_line_item_id::pg_catalog.text OPERATOR(pg_catalog.=)
           excluded.flex_line_item_id::pg_catalog.text) IS NOT TRUE
    RETURNING a.crew_call_id::pg_catalog.text, a.technician_id::pg_catalog.text)";

// Which rows of an upsert do not name their line after it: those that a trigger suppressed without an error.
constexpr std::string_view read_missing_sql = R"(
    SELECT r.ordinal::pg_catalog.text
    FROM ROWS FROM (pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb)
                    AS (crew_call_id pg_catalog.uuid, technician_id pg_catalog.uuid, line pg_catalog.text))
         WITH ORDINALITY AS r (crew_call_id, technician_id, line, ordinal)
    WHERE r.line IS NOT NULL AND NOT EXISTS (
        SELECT FROM {assignments} AS a
        WHERE a.crew_call_id OPERATOR(pg_catalog.=) r.crew_call_id
          AND a.technician_id OPERATOR(pg_catalog.=) r.technician_id
          AND a.flex_line_item_id::pg_catalog.text OPERATOR(pg_catalog.=) (r.line::{line_type})::pg_catalog.text))";

// Those of the relation that are checked at commit only, by default or because the caller said so.
constexpr std::string_view read_deferrable_sql = R"(
    SELECT pg_catalog.string_agg(pg_catalog.format('%I.%I', n.nspname, c.conname), ', ')
    FROM pg_catalog.pg_constraint AS c
    JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.connamespace
    WHERE c.condeferrable
      AND (c.conrelid OPERATOR(pg_catalog.=) $1::pg_catalog.regclass::pg_catalog.oid
           OR c.confrelid OPERATOR(pg_catalog.=) $1::pg_catalog.regclass::pg_catalog.oid))";

} // namespace

std::uint64_t CrewStore::written_ = 0;

CrewStore::CrewStore(Statements &statements, CrewRelations relations, OwnTables own, std::string server,
                     const core::ElementId &element)
    : statements_(statements), relations_(std::move(relations)), own_(std::move(own)), server_(std::move(server)),
      element_(element.canonical())
{
}

void CrewStore::forget(std::span<const Assignment> rows)
{
    ++written_;
    statements_.run(relations_.in(delete_rows_sql), {json_of(rows)}, caller);
}

std::vector<RowError> CrewStore::rehearse(std::span<const Assignment> gone, std::span<const Assignment> mapped)
{
    return write_in(Ending::RollBack, gone, mapped);
}

std::vector<RowError> CrewStore::write(std::span<const Assignment> gone, std::span<const Assignment> mapped)
{
    return write_in(Ending::Commit, gone, mapped);
}

/// All at once; one by one only where that fails, so that one row does not keep the others from being written.
std::vector<RowError> CrewStore::write_in(Ending ending, std::span<const Assignment> gone,
                                          std::span<const Assignment> mapped)
{
    std::vector<RowError> errors;
    const auto undone = in_subtransaction([&] { errors = write_now(ending, gone, mapped); }, ending);
    if (!undone)
        return errors;
    errors.clear();
    const auto attempt = [&](std::span<const Assignment> gone_row, std::span<const Assignment> mapped_row) {
        std::vector<RowError> suppressed;
        const auto error = in_subtransaction([&] { suppressed = write_now(ending, gone_row, mapped_row); }, ending);
        if (error)
            errors.push_back({.row = gone_row.empty() ? mapped_row.front() : gone_row.front(),
                              .sqlstate = error->sqlstate,
                              .message = error->message});
        else
            errors.insert(errors.end(), suppressed.begin(), suppressed.end());
    };
    for (const Assignment &row : gone)
        attempt({&row, 1}, {});
    for (const Assignment &row : mapped)
        attempt({}, {&row, 1});
    return errors;
}

std::vector<RowError> CrewStore::write_now(Ending ending, std::span<const Assignment> gone,
                                           std::span<const Assignment> mapped)
{
    // A rehearsal must hear the constraints that speak up at commit.
    if (ending == Ending::RollBack)
        check_deferrable_constraints_now();
    ++written_;
    std::vector<RowError> errors;
    if (!gone.empty())
        errors = drop(gone);
    if (!mapped.empty())
        for (RowError &error : upsert(mapped))
            errors.push_back(std::move(error));
    return errors;
}

/// The rows whose places, from 1 on, a query has found, as errors: a trigger suppressed what was to be done with them.
std::vector<RowError> CrewStore::read_suppressed(std::string_view sql, const std::string &json,
                                                 std::span<const Assignment> rows, const char *message)
{
    Rows places = statements_.run(relations_.in(sql), {json}, reader);
    std::vector<RowError> errors;
    for (std::size_t i = 0; i < places.size(); ++i) {
        const std::string_view ordinal = *places.at(i, 0);
        std::size_t place = 0;
        std::from_chars(ordinal.data(), ordinal.data() + ordinal.size(), place);
        errors.push_back({.row = rows[place - 1], .sqlstate = "P0001", .message = message});
    }
    places.release();
    return errors;
}

/// Deletes rows. One that a trigger suppressed comes back; one that somebody else has changed does not.
std::vector<RowError> CrewStore::drop(std::span<const Assignment> rows)
{
    const std::string json = json_of(rows);
    Rows dropped = statements_.run(relations_.in(delete_rows_sql), {json}, caller);
    const bool is_complete = dropped.size() == rows.size();
    dropped.release();
    return is_complete ? std::vector<RowError>()
                       : read_suppressed(read_remaining_sql, json, rows, "a trigger kept the row from being deleted");
}

/// Maps technicians to lines. A row that a trigger suppressed comes back.
std::vector<RowError> CrewStore::upsert(std::span<const Assignment> rows)
{
    const std::string json = json_of(rows);
    Rows written = statements_.run(relations_.in(upsert_rows_sql), {json}, caller);
    std::unordered_set<std::string> keys;
    for (std::size_t i = 0; i < written.size(); ++i)
        keys.insert(core::member_key(core::CrewCallId(*written.at(i, 0)), core::TechnicianId(*written.at(i, 1))));
    written.release();
    if (keys.size() == rows.size())
        return {};
    constexpr const char *message = "a trigger kept the row from being written";
    std::vector<RowError> errors = read_suppressed(read_missing_sql, json, rows, message);
    // A line that stands in for one that is still to be made differs from whatever a row names.
    for (const Assignment &row : rows)
        if (!row.line && !keys.contains(core::member_key(row.call, row.technician)))
            errors.push_back({.row = row, .sqlstate = "P0001", .message = message});
    return errors;
}

/// Only the constraints of this relation are named: ALL would trip over rows of the caller's own.
void CrewStore::check_deferrable_constraints_now()
{
    Rows rows = statements_.run(std::string(read_deferrable_sql), {relations_.assignments()}, caller);
    const std::string names(rows.at(0, 0).value_or(""));
    rows.release();
    if (!names.empty())
        statements_.run_once("SET CONSTRAINTS " + names + " IMMEDIATE");
}

} // namespace pg
