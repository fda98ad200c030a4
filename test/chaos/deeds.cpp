// What people do while a script runs: in the database, and in Flex.

#include "player.hpp"

#include <algorithm>

namespace chaos {

namespace {

std::optional<std::string> draw_role(Random &dice)
{
    return dice.chance(30) ? std::nullopt : std::optional(dice.pick({"role-a", "role-b"}));
}

std::string desire_sql(const std::string &call, const std::string &technician,
                       const std::optional<std::string> &resource, const std::optional<std::string> &role)
{
    return "DELETE FROM flex_desired_crew WHERE crew_call_id = '" + call + "' AND technician_id = '" + technician +
           "'; INSERT INTO flex_desired_crew (crew_call_id, technician_id, flex_resource_id, business_role_id) VALUES "
           "('" +
           call + "', '" + technician + "', " + sql(resource) + ", " + sql(role) + ");";
}

/// An id of a line: opaque text, as long as one may be.
std::string odd_line(Random &dice)
{
    return dice.pick({"line/", "50%25", "caf\u00e9?"}) + std::string(dice.chance(50) ? 140 : 0, 'l') + dice.uuid();
}

std::string json(const std::optional<std::string> &value)
{
    return value ? quoted(*value) : "null";
}

} // namespace

/// The resource of a technician, in either letter case; now and then somebody else's.
std::string Player::resource_for(Random &dice, int technician)
{
    std::string resource =
        dice.chance(10) ? dice.pick(script_.resources) : script_.resources[static_cast<std::size_t>(technician)];
    const bool is_uuid = resource.size() == 36 && resource[8] == '-' && resource[23] == '-';
    if (is_uuid && dice.chance(20))
        resource = upper(resource);
    return resource;
}

void Player::desire(Random &dice, Session &session, int most)
{
    const CrewCall &call = dice.pick(script_.calls);
    std::string statement, text;
    for (int count = dice.between(1, most); count > 0; --count) {
        const int technician = dice.below(static_cast<int>(script_.technicians.size()));
        const std::string &id = script_.technicians[static_cast<std::size_t>(technician)];
        const auto resource = dice.chance(6) ? std::nullopt : std::optional(resource_for(dice, technician));
        statement += desire_sql(call.id, id, resource, draw_role(dice));
        text += " " + id + " (" + resource.value_or("no resource") + ")";
        if (resource)
            record_.ever_desired.insert(canonical(*resource));
    }
    record_.note("call " + call.id + " desires" + text);
    session.run(statement);
}

void Player::withdraw(Random &dice, Session &session)
{
    const CrewCall &call = dice.pick(script_.calls);
    const std::string of_call = " FROM flex_desired_crew WHERE crew_call_id = '" + call.id + "'";
    const auto desired = session.run("SELECT technician_id" + of_call + " ORDER BY 1").rows();
    if (desired.empty())
        return;
    if (dice.chance(12)) {
        record_.note("call " + call.id + " desires nobody");
        session.run("DELETE" + of_call);
        return;
    }
    const std::string technician = *dice.pick(desired)[0];
    record_.note("call " + call.id + " withdraws " + technician);
    session.run("DELETE" + of_call + " AND technician_id = '" + technician + "'");
}

void Player::change_desired(Random &dice, bool is_role)
{
    const CrewCall &call = dice.pick(script_.calls);
    const std::string where = " WHERE crew_call_id = '" + call.id + "'";
    const auto desired = lane_.admin.run("SELECT technician_id FROM flex_desired_crew" + where + " ORDER BY 1").rows();
    if (desired.empty())
        return;
    const std::string technician = *dice.pick(desired)[0];
    std::optional<std::string> value;
    if (is_role)
        value = draw_role(dice);
    else if (!dice.chance(20))
        value = dice.chance(15) ? "resource-new-" + std::to_string(dice.below(2))
                                : resource_for(dice, dice.below(static_cast<int>(script_.technicians.size())));
    if (!is_role && value)
        record_.ever_desired.insert(canonical(*value));
    const std::string column = is_role ? "business_role_id" : "flex_resource_id";
    record_.note("call " + call.id + ": " + technician + " has " + column + " " + value.value_or("null"));
    lane_.admin.run("UPDATE flex_desired_crew SET " + column + " = " + sql(value) + where + " AND technician_id = '" +
                    technician + "'");
}

std::optional<Line> Player::pick_contact(Random &dice)
{
    std::vector<Line> contacts;
    for (const Line &line : lane_.simulator.lines(pick_element(dice)))
        if (line.is_contact() && !line.is_hidden)
            contacts.push_back(line);
    if (contacts.empty())
        return std::nullopt;
    return dice.pick(contacts);
}

void Player::flex_delete(Random &dice)
{
    const std::string &element = pick_element(dice);
    const bool is_all = dice.chance(12);
    std::vector<Line> contacts;
    for (const Line &line : lane_.simulator.lines(element))
        if (line.is_contact() && !line.is_hidden)
            contacts.push_back(line);
    if (contacts.empty())
        return;
    if (!is_all)
        contacts = {dice.pick(contacts)};
    for (const Line &line : contacts) {
        record_.note("Flex: somebody deletes " + line.text());
        record_.resource_of[canonical(line.id)] = canonical(line.resource.value_or(""));
        record_.losses.push_back({now_ms(), element, canonical(line.resource.value_or(""))});
        lane_.simulator.delete_line(line.id);
    }
}

void Player::flex_add(Random &dice)
{
    const std::string &element = pick_element(dice);
    std::optional<std::string> resource = "stranger-" + std::to_string(dice.below(3));
    if (dice.chance(70))
        resource = resource_for(dice, dice.below(static_cast<int>(script_.technicians.size())));
    else if (dice.chance(15))
        resource = std::nullopt;
    const bool is_untyped = dice.chance(12);
    const std::string line = dice.chance(15) ? R"("id": ")" + odd_line(dice) + R"(", )" : "";
    const std::string row = "{" + line + R"("resource": )" + json(resource) + R"(, "role": )" + json(draw_role(dice)) +
                            (is_untyped ? R"(, "type": null})" : "}");
    const std::string id = canonical(lane_.simulator.add_row(element, row));
    record_.note("Flex: somebody adds " + id + " " + row);
    record_.made_by_hand.insert(id);
    if (is_untyped)
        record_.untyped.insert(id);
}

void Player::flex_role(Random &dice)
{
    if (const auto line = pick_contact(dice)) {
        // One that is taken away looks like one that Flex does not show.
        const std::string role = quoted(dice.pick({"role-a", "role-b"}));
        record_.note("Flex: somebody sets role " + role + " for " + line->text());
        lane_.simulator.set_line(line->id, R"("role": )" + role);
    }
}

bool Player::has_lag() const
{
    return std::any_of(script_.steps.begin(), script_.steps.end(),
                       [](const Step &step) { return step.deed == Deed::Lag; });
}

/// Somebody makes another of a contact: of another resource, or no contact at all.
void Player::flex_swap(Random &dice)
{
    const auto line = pick_contact(dice);
    if (!line)
        return;
    for (const std::string &element : script_.elements)
        record_.losses.push_back({now_ms(), element, canonical(line->resource.value_or(""))});
    record_.ever_hidden.insert(canonical(line->id));
    // A request that was sent for the contact may still come, and a listing that lags shows it still.
    if (!may_be_under_way() && !has_lag() && dice.chance(25)) {
        record_.note("Flex: somebody makes a note of " + line->text());
        if (!lane_.simulator.set_line(line->id, R"("type": "note")"))
            return;
        Line note = *line;
        note.type = "note";
        record_.others[canonical(line->id)] = {note, now_ms()};
        return;
    }
    const std::string resource = resource_for(dice, dice.below(static_cast<int>(script_.technicians.size())));
    record_.note("Flex: somebody gives resource " + resource + " to " + line->text());
    lane_.simulator.set_line(line->id, R"("resource": )" + quoted(resource));
}

void Player::flex_other(Random &dice)
{
    const std::string &element = pick_element(dice);
    const std::string resource = resource_for(dice, dice.below(static_cast<int>(script_.technicians.size())));
    const std::string type = dice.pick({"inventory-model", "service-offering", "note"});
    const std::string child = dice.chance(30) ? R"(, "children": [{"resource": "stranger-0"}])" : "";
    const std::string row = R"({"type": )" + quoted(type) + R"(, "resource": )" + quoted(resource) + child + "}";
    const std::string id = lane_.simulator.add_row(element, row);
    record_.note("Flex: somebody adds " + id + " " + row);
    record_.others[canonical(id)] = {{.id = id, .resource = resource, .type = type, .role = std::nullopt}, now_ms()};
    learn();
    if (!child.empty())
        for (const Line &line : lane_.simulator.lines(element))
            if (line.resource == "stranger-0")
                record_.made_by_hand.insert(canonical(line.id));
}

void Player::flex_reveal()
{
    for (const std::string &element : script_.elements)
        for (const Line &line : lane_.simulator.lines(element))
            if (line.is_hidden) {
                record_.note("Flex: shows up " + line.text());
                lane_.simulator.set_line(line.id, R"("hidden": false)");
            }
}

void Player::edit_row(Random &dice)
{
    const CrewCall &call = dice.pick(script_.calls);
    const std::string technician = dice.pick(script_.technicians);
    const std::string where = " WHERE crew_call_id = '" + call.id + "' AND technician_id = '" + technician + "'";
    lane_.give_rows_back();
    take_references_off(where);
    record_.spells.push_back({.from_ms = now_ms(), .what = "edited"});
    if (dice.chance(40)) {
        record_.note("row of call " + call.id + " and " + technician + " is deleted by hand");
        lane_.admin.run("DELETE FROM flex_crew_assignments" + where);
        return;
    }
    const std::vector<Line> lines = lane_.simulator.lines(canonical(call.element));
    std::optional<std::string> line;
    if (!lines.empty() && dice.chance(60))
        line = dice.pick(lines).id;
    else if (dice.chance(50))
        line = "no-such-line";
    if (line)
        record_.named_by_hand.insert(canonical(*line));
    record_.note("row of call " + call.id + " and " + technician + " is written by hand: " + line.value_or("null"));
    lane_.admin.run("DELETE FROM flex_crew_assignments" + where +
                    "; INSERT INTO flex_crew_assignments (crew_call_id, technician_id, flex_line_item_id) VALUES ('" +
                    call.id + "', '" + technician + "', " + sql(line) + ")");
}

/// Somebody edits rows, and takes their time.
void Player::lock_rows(Random &dice)
{
    if (lane_.has_locked_rows()) {
        record_.note("the rows that were locked are given back");
        return lane_.give_rows_back();
    }
    const CrewCall &call = dice.pick(script_.calls);
    const std::string strength = dice.pick({"UPDATE", "NO KEY UPDATE", "KEY SHARE"});
    const std::string which = dice.chance(40) ? "" : " AND technician_id = '" + dice.pick(script_.technicians) + "'";
    record_.note("rows of call " + call.id + which + " are locked FOR " + strength);
    lane_.lock_rows("SELECT FROM flex_crew_assignments WHERE crew_call_id = '" + call.id + "'" + which + " FOR " +
                    strength);
}

/// What the application hangs onto a row keeps it from being deleted.
void Player::refer(Random &dice)
{
    const CrewCall &call = dice.pick(script_.calls);
    const std::string where = " WHERE crew_call_id = '" + call.id + "'";
    if (dice.chance(25)) {
        record_.note("nothing refers to rows of call " + call.id + " any more");
        return take_references_off(where);
    }
    if (lane_.has_locked_rows())
        return;
    const std::string table = dice.pick({"chaos_note", "chaos_bill"});
    const auto rows =
        lane_.admin.run("SELECT id FROM flex_crew_assignments" + where + " ORDER BY technician_id").rows();
    if (rows.empty())
        return;
    const std::string row = *dice.pick(rows)[0];
    record_.note(table + " refers to row " + row + " of call " + call.id);
    lane_.admin.run("INSERT INTO " + table + " VALUES ('" + row + "') ON CONFLICT DO NOTHING");
}

void Player::take_references_off(const std::string &rows)
{
    for (const char *table : {"chaos_note", "chaos_bill"})
        lane_.admin.run(std::string("DELETE FROM ") + table +
                        " WHERE assignment_id IN (SELECT id FROM flex_crew_assignments" + rows + ")");
}

} // namespace chaos
