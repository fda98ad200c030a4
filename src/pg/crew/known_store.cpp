// What the extension remembers of an element's lines: the table flex_sync_contact. These statements run as its owner,
// under a pinned search_path.

#include "pg/crew/crew_store.hpp"

#include "pg/server/json.hpp"

#include <algorithm>

namespace pg {

using core::KnownLine;

namespace {

template <class Id> std::optional<std::string> canonical(const std::optional<Id> &id)
{
    return id ? std::optional(id->canonical()) : std::nullopt;
}

/// The lines, or the lost adds, as JSON; empty if there is none of that kind.
std::string json_of(std::span<const KnownLine> known, bool lost)
{
    JsonWriter json;
    bool is_empty = true;
    json.begin_array();
    for (const KnownLine &line : known) {
        if (lost == line.line.has_value())
            continue;
        is_empty = false;
        json.begin_object();
        json.optional_text("line", canonical(line.line));
        if (!line.asked.empty())
            json.text("resource", line.asked.canonical());
        json.optional_text("shown", canonical(line.shown));
        json.boolean("was_shown", line.was_shown);
        json.optional_text("role", canonical(line.role_sent));
        json.number("tries", std::int64_t{line.tries});
        json.end_object();
    }
    json.end_array();
    return is_empty ? "" : std::string(json.view());
}

/// So that the JSON of a large crew is never in memory all at once.
void in_portions(std::span<const KnownLine> known, const auto &write)
{
    constexpr std::size_t portion = 1000;
    for (; !known.empty(); known = known.subspan(std::min(portion, known.size())))
        write(known.first(std::min(portion, known.size())));
}

// What is remembered belongs to the element, whichever server it was learned through; `server` only says which. Written
// without the unique indexes, which were others in 1.0, whose objects this serves too: under the element's lock nobody
// adds a row but flex_sync_repair, which knows less.
constexpr std::string_view forget_lines_sql = R"(
    DELETE FROM {contact} AS k USING {record}
    WHERE k.flex_element_id = $2 AND k.flex_line_item_id = r.line)";

constexpr std::string_view forget_lost_sql = R"(
    DELETE FROM {contact} AS k USING {record}
    WHERE k.flex_element_id = $2 AND k.flex_line_item_id IS NULL AND k.flex_resource_id = r.resource)";

constexpr std::string_view remember_lines_sql = R"(
    WITH changed AS (
        UPDATE {contact} AS k
        SET flex_resource_id = r.resource, shown_resource_id = r.shown, was_shown = r.was_shown,
            business_role_id = r.role, tries = r.tries, noted_at = least(k.noted_at, clock_timestamp())
        FROM {record}
        WHERE k.flex_element_id = $2 AND k.flex_line_item_id = r.line
        RETURNING k.flex_line_item_id AS line)
    INSERT INTO {contact} (server, flex_element_id, flex_line_item_id, flex_resource_id, shown_resource_id, was_shown,
                           business_role_id, tries, noted_at)
    SELECT $1, $2, r.line, r.resource, r.shown, r.was_shown, r.role, r.tries, clock_timestamp()
    FROM {record}
    WHERE NOT EXISTS (SELECT FROM changed AS c WHERE c.line = r.line)
    ON CONFLICT DO NOTHING)";

constexpr std::string_view remember_lost_sql = R"(
    WITH changed AS (
        UPDATE {contact} AS k
        SET server = $1, tries = r.tries, noted_at = clock_timestamp()
        FROM {record}
        WHERE k.flex_element_id = $2 AND k.flex_line_item_id IS NULL AND k.flex_resource_id = r.resource
        RETURNING k.flex_resource_id AS resource)
    INSERT INTO {contact} (server, flex_element_id, flex_resource_id, tries, noted_at)
    SELECT $1, $2, r.resource, r.tries, clock_timestamp()
    FROM {record}
    WHERE NOT EXISTS (SELECT FROM changed AS c WHERE c.resource = r.resource)
    ON CONFLICT DO NOTHING)";

std::string of_table(std::string_view statement, const std::string &contact)
{
    constexpr std::string_view record = R"(jsonb_to_recordset($3::jsonb)
        AS r (line text, resource text, shown text, was_shown boolean, role text, tries integer))";
    return filled(statement, {{"{contact}", contact}, {"{record}", record}});
}

KnownLine known_line(const Row &row)
{
    KnownLine line{.line = row.id<core::LineItemId>(0),
                   .asked = core::ResourceId(row.at(1).value_or("")),
                   .shown = row.id<core::ResourceId>(2),
                   .was_shown = row.at(3) == "true",
                   .role_sent = row.id<core::BusinessRoleId>(4),
                   .tries = number_in<int>(row.at(5)).value_or(1)};
    if (const auto age_ms = number_in<std::int64_t>(row.at(6)))
        line.age = std::chrono::milliseconds(*age_ms);
    return line;
}

} // namespace

std::vector<KnownLine> CrewStore::read_known()
{
    const std::string read = R"(
        SELECT k.flex_line_item_id, k.flex_resource_id, k.shown_resource_id, k.was_shown::text, k.business_role_id,
               k.tries::text,
               CASE WHEN NOT k.was_shown
                    THEN (extract(epoch FROM clock_timestamp() - k.noted_at) * 1000)::bigint::text END
        FROM )" + own_.table("flex_sync_contact") +
                             R"( AS k
        WHERE k.flex_element_id = $1)";
    std::vector<KnownLine> known;
    statements_.for_each(read, {element_}, own_.identity, [&](const Row &row) { known.push_back(known_line(row)); });
    return known;
}

void CrewStore::remember(std::span<const KnownLine> known, std::span<const KnownLine> forgotten)
{
    guard_.run([&] { remember_now(known, forgotten); });
}

void CrewStore::remember_now(std::span<const KnownLine> known, std::span<const KnownLine> forgotten)
{
    const std::string table = own_.table("flex_sync_contact");
    const auto run = [&](std::string_view statement, const std::string &json) {
        if (!json.empty())
            statements_.run(of_table(statement, table), {server_, element_, json}, own_.identity);
    };
    in_portions(forgotten, [&](std::span<const KnownLine> part) {
        run(forget_lines_sql, json_of(part, false));
        run(forget_lost_sql, json_of(part, true));
    });
    in_portions(known, [&](std::span<const KnownLine> part) {
        run(remember_lines_sql, json_of(part, false));
        run(remember_lost_sql, json_of(part, true));
    });
}

} // namespace pg
