// What the extension remembers of an element's lines: the table flex_sync_contact. These statements run as its owner,
// under a pinned search_path.

#include "pg/crew_store.hpp"

#include "pg/json.hpp"

#include <charconv>

namespace pg {

using core::KnownLine;

namespace {

std::int64_t number_in(std::string_view text)
{
    std::int64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

template <class Id> std::optional<std::string> canonical(const std::optional<Id> &id)
{
    return id ? std::optional(core::canonical_id(id->text())) : std::nullopt;
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
        if (!line.asked.text().empty())
            json.text("resource", core::canonical_id(line.asked.text()));
        json.optional_text("shown", canonical(line.shown));
        json.boolean("was_shown", line.was_shown);
        json.optional_text("role", canonical(line.role_sent));
        json.number("tries", std::int64_t{line.tries});
        json.end_object();
    }
    json.end_array();
    return is_empty ? "" : std::string(json.view());
}

constexpr const char *record = R"(jsonb_to_recordset($3::jsonb)
        AS r (line text, resource text, shown text, was_shown boolean, role text, tries integer))";

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
        WHERE k.server = $1 AND k.flex_element_id = $2)";
    Rows rows = statements_.run(read, {server_, element_}, own_.identity);
    std::vector<KnownLine> known;
    known.reserve(rows.size());
    for (std::size_t row = 0; row < rows.size(); ++row) {
        KnownLine line{.asked = core::ResourceId(std::string(rows.at(row, 1).value_or("")))};
        if (const auto id = rows.at(row, 0))
            line.line = core::LineItemId(std::string(*id));
        if (const auto shown = rows.at(row, 2))
            line.shown = core::ResourceId(std::string(*shown));
        line.was_shown = rows.at(row, 3) == "true";
        if (const auto role = rows.at(row, 4))
            line.role_sent = core::BusinessRoleId(std::string(*role));
        line.tries = static_cast<int>(number_in(*rows.at(row, 5)));
        if (const auto age = rows.at(row, 6))
            line.age = std::chrono::milliseconds(number_in(*age));
        known.push_back(std::move(line));
    }
    rows.release();
    return known;
}

void CrewStore::remember(std::span<const KnownLine> known, std::span<const KnownLine> forgotten)
{
    const std::string table = own_.table("flex_sync_contact");
    const auto run = [&](const std::string &sql, const std::string &json) {
        if (!json.empty())
            statements_.run(sql, {server_, element_, json}, own_.identity);
    };
    run("DELETE FROM " + table + " AS k USING " + record + R"(
        WHERE k.server = $1 AND k.flex_element_id = $2 AND k.flex_line_item_id = r.line)",
        json_of(forgotten, false));
    run("DELETE FROM " + table + " AS k USING " + record + R"(
        WHERE k.server = $1 AND k.flex_element_id = $2 AND k.flex_line_item_id IS NULL
          AND k.flex_resource_id = r.resource)",
        json_of(forgotten, true));
    run("INSERT INTO " + table + R"(
        (server, flex_element_id, flex_line_item_id, flex_resource_id, shown_resource_id, was_shown, business_role_id,
         tries, noted_at)
        SELECT $1, $2, r.line, r.resource, r.shown, r.was_shown, r.role, r.tries, clock_timestamp()
        FROM )" +
            std::string(record) + R"(
        ON CONFLICT (server, flex_element_id, flex_line_item_id) DO UPDATE
        SET flex_resource_id = excluded.flex_resource_id, shown_resource_id = excluded.shown_resource_id,
            was_shown = excluded.was_shown, business_role_id = excluded.business_role_id, tries = excluded.tries)",
        json_of(known, false));
    run("INSERT INTO " + table + R"(
        (server, flex_element_id, flex_resource_id, noted_at)
        SELECT $1, $2, r.resource, clock_timestamp() FROM )" +
            std::string(record) + R"(
        ON CONFLICT (server, flex_element_id, flex_resource_id) WHERE flex_line_item_id IS NULL DO UPDATE
        SET noted_at = excluded.noted_at)",
        json_of(known, true));
}

} // namespace pg
