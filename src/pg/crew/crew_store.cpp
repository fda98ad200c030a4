// What a sync writes into the crew relations.

#include "pg/crew/crew_store.hpp"

#include "core/error.hpp"
#include "core/sync.hpp"
#include "pg/server/json.hpp"

#include <map>
#include <numeric>
#include <unordered_map>
#include <unordered_set>

namespace pg {

using core::Assignment;
using core::RowError;

namespace {

constexpr Identity caller{Identity::Kind::Caller};
constexpr Identity reader{Identity::Kind::Reader};

/// The place, from 0 on, that an ordinal of SQL means.
std::size_t place_in(std::string_view ordinal)
{
    return number_in<std::size_t>(ordinal).value_or(1) - 1;
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

// Makes way for lines that are about to be mapped to others of these rows. A column of either type takes a UUID.
constexpr std::string_view free_lines_sql = R"(
    UPDATE {assignments} AS a SET flex_line_item_id = pg_catalog.gen_random_uuid()::pg_catalog.text::{line_type}
    FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb)
         AS r (crew_call_id pg_catalog.uuid, technician_id pg_catalog.uuid, line pg_catalog.text)
    WHERE a.crew_call_id OPERATOR(pg_catalog.=) r.crew_call_id
      AND a.technician_id OPERATOR(pg_catalog.=) r.technician_id
      AND (a.flex_line_item_id::pg_catalog.text OPERATOR(pg_catalog.=)
           (r.line::{line_type})::pg_catalog.text) IS NOT TRUE)";

// The lines that these rows name before they are written.
constexpr std::string_view read_named_lines_sql = R"(
    SELECT r.ordinal::pg_catalog.text, a.flex_line_item_id::pg_catalog.text
    FROM ROWS FROM (pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb)
                    AS (crew_call_id pg_catalog.uuid, technician_id pg_catalog.uuid, line pg_catalog.text))
         WITH ORDINALITY AS r (crew_call_id, technician_id, line, ordinal)
    JOIN {assignments} AS a ON a.crew_call_id OPERATOR(pg_catalog.=) r.crew_call_id
     AND a.technician_id OPERATOR(pg_catalog.=) r.technician_id
    WHERE a.flex_line_item_id IS NOT NULL)";

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

/// Whoever has locked one of these tables is waited for now, while nothing has been sent. A deadlock is no error of
/// ours to raise: clients repeat it unasked.
void CrewStore::guard()
{
    const auto undone = in_subtransaction([&] {
        for (const char *table : {"flex_sync_log", "flex_sync_log_operation", "flex_sync_contact"})
            statements_.lock_for_writing(own_.table(table));
        statements_.lock_for_writing(relations_.assignments());
    });
    if (undone)
        throw core::Error("55P03", "could not lock the tables that the sync will write", undone->message + ".",
                          "Nothing was sent to Flex. Try again when the tables are not locked.");
    guard_.raise();
}

std::vector<RowError> CrewStore::rehearse(std::span<const Assignment> gone, std::span<const Assignment> mapped)
{
    std::vector<RowError> errors;
    guard_.run([&] {
        deferrable_ = read_deferrable_constraints();
        std::vector<Assignment> doubtful(mapped.begin(), mapped.end());
        if (deferrable_.empty())
            std::erase_if(doubtful, [](const Assignment &row) { return row.line.has_value(); });
        if (!gone.empty() || !doubtful.empty())
            errors = write_in(Ending::RollBack, gone, doubtful);
    });
    return errors;
}

std::vector<RowError> CrewStore::write(std::span<const Assignment> gone, std::span<const Assignment> mapped)
{
    std::vector<RowError> errors;
    guard_.run([&] {
        if (!gone.empty() || !mapped.empty())
            errors = write_in(Ending::Commit, gone, mapped);
    });
    return errors;
}

/// All at once; only where that fails one by one, so that one row does not keep the others from being written.
std::vector<RowError> CrewStore::write_in(Ending ending, std::span<const Assignment> gone,
                                          std::span<const Assignment> mapped)
{
    std::vector<RowError> errors;
    const std::optional<UndoneError> together = attempt({ending}, gone, mapped, errors);
    if (!together)
        return errors;
    const auto one_by_one = [&](std::span<const Assignment> gone_rows, std::span<const Assignment> mapped_rows) {
        for (const Assignment &row : gone_rows.empty() ? mapped_rows : gone_rows) {
            const std::span<const Assignment> alone(&row, 1), none;
            // Where locks took all of the time, what was refused together is not tried by itself.
            const std::optional<UndoneError> refused =
                statements_.is_late() && together->sqlstate == "55P03"
                    ? together
                    : attempt({ending}, gone_rows.empty() ? none : alone, gone_rows.empty() ? alone : none, errors);
            if (refused)
                errors.push_back({.row = row, .sqlstate = refused->sqlstate, .message = refused->message});
        }
    };
    one_by_one(gone, {});
    for (const std::vector<Assignment> &group : groups_of(mapped))
        if (group.size() == 1 || attempt({ending, true}, {}, group, errors))
            one_by_one({}, group);
    return errors;
}

/// Writes the rows, or none of them and says why. Those that a trigger suppressed are added to `errors`.
std::optional<UndoneError> CrewStore::attempt(Attempt how, std::span<const Assignment> gone,
                                              std::span<const Assignment> mapped, std::vector<RowError> &errors)
{
    std::vector<RowError> suppressed;
    std::optional<UndoneError> error =
        in_subtransaction([&] { suppressed = write_now(how, gone, mapped); }, how.ending);
    if (!error)
        errors.insert(errors.end(), suppressed.begin(), suppressed.end());
    return error;
}

std::vector<RowError> CrewStore::write_now(Attempt how, std::span<const Assignment> gone,
                                           std::span<const Assignment> mapped)
{
    // A rehearsal must hear the constraints that speak up at commit. Only those of this relation are named: ALL would
    // trip over rows of the caller's own.
    if (how.ending == Ending::RollBack && !deferrable_.empty())
        statements_.run_once("SET CONSTRAINTS " + deferrable_ + " IMMEDIATE");
    ++written_;
    std::vector<RowError> errors;
    if (!gone.empty())
        errors = drop(gone);
    if (how.frees_lines)
        statements_.run(relations_.in(free_lines_sql), {json_of(mapped)}, caller);
    if (!mapped.empty())
        for (RowError &error : upsert(mapped))
            errors.push_back(std::move(error));
    return errors;
}

/// The rows in groups that must be written together, since one gets the line that another still names: where the
/// application has a unique index on lines, two technicians could not swap theirs otherwise.
std::vector<std::vector<Assignment>> CrewStore::groups_of(std::span<const Assignment> mapped)
{
    std::unordered_map<core::LineItemId, std::size_t> names_now;
    const auto unread = in_subtransaction([&] {
        const Rows rows = statements_.run(relations_.in(read_named_lines_sql), {json_of(mapped)}, reader);
        for (std::size_t i = 0; i < rows.size(); ++i)
            names_now.emplace(core::LineItemId(*rows.at(i, 1)), place_in(*rows.at(i, 0)));
    });
    if (unread)
        names_now.clear();
    std::vector<std::size_t> leader(mapped.size());
    std::iota(leader.begin(), leader.end(), std::size_t{0});
    const auto leader_of = [&](std::size_t place) {
        while (leader[place] != place)
            place = leader[place] = leader[leader[place]];
        return place;
    };
    for (std::size_t i = 0; i < mapped.size(); ++i)
        if (const auto other = mapped[i].line ? names_now.find(*mapped[i].line) : names_now.end();
            other != names_now.end())
            leader[leader_of(i)] = leader_of(other->second);
    std::map<std::size_t, std::vector<Assignment>> groups;
    for (std::size_t i = 0; i < mapped.size(); ++i)
        groups[leader_of(i)].push_back(mapped[i]);
    std::vector<std::vector<Assignment>> list;
    for (auto &[place, group] : groups)
        list.push_back(std::move(group));
    return list;
}

/// The rows whose places, from 1 on, a query has found, as errors: a trigger suppressed what was to be done with them.
std::vector<RowError> CrewStore::read_suppressed(std::string_view sql, const std::string &json,
                                                 std::span<const Assignment> rows, const char *message)
{
    const Rows places = statements_.run(relations_.in(sql), {json}, reader);
    std::vector<RowError> errors;
    for (std::size_t i = 0; i < places.size(); ++i) {
        errors.push_back({.row = rows[place_in(*places.at(i, 0))], .sqlstate = "P0001", .message = message});
    }
    return errors;
}

/// Deletes rows. One that a trigger suppressed comes back; one that somebody else has changed does not.
std::vector<RowError> CrewStore::drop(std::span<const Assignment> rows)
{
    const std::string json = json_of(rows);
    const Rows dropped = statements_.run(relations_.in(delete_rows_sql), {json}, caller);
    const bool is_complete = dropped.size() == rows.size();
    return is_complete ? std::vector<RowError>()
                       : read_suppressed(read_remaining_sql, json, rows, "a trigger kept the row from being deleted");
}

/// Maps technicians to lines. A row that a trigger suppressed comes back.
std::vector<RowError> CrewStore::upsert(std::span<const Assignment> rows)
{
    const std::string json = json_of(rows);
    const Rows written = statements_.run(relations_.in(upsert_rows_sql), {json}, caller);
    std::unordered_set<core::Member> keys;
    for (std::size_t i = 0; i < written.size(); ++i)
        keys.insert(core::Member{core::CrewCallId(*written.at(i, 0)), core::TechnicianId(*written.at(i, 1))});
    if (keys.size() == rows.size())
        return {};
    constexpr const char *message = "a trigger kept the row from being written";
    std::vector<RowError> errors = read_suppressed(read_missing_sql, json, rows, message);
    // A line that stands in for one that is still to be made differs from whatever a row names.
    for (const Assignment &row : rows)
        if (!row.line && !keys.contains(row.member()))
            errors.push_back({.row = row, .sqlstate = "P0001", .message = message});
    return errors;
}

std::string CrewStore::read_deferrable_constraints()
{
    const Rows rows = statements_.run(std::string(read_deferrable_sql), {relations_.assignments()}, caller);
    std::string names(rows.at(0, 0).value_or(""));
    return names;
}

} // namespace pg
