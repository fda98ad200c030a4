// What must be so after a sync that ended ok (I1, I2, I6), and what one sync may say.

#include "player.hpp"

#include <algorithm>
#include <set>

namespace chaos {

namespace {

std::string key_of(const State::Member &member)
{
    return member.call + "/" + member.technician;
}

bool has_resource(const State::Member &member)
{
    return member.resource && !member.resource->empty();
}

/// What a listing shows and may serve somebody: a contact, or a line of no type.
bool may_serve(const Line &line)
{
    return !line.is_hidden && (line.is_contact() || !line.type);
}

} // namespace

const CrewCall &Player::call_of(const std::string &element) const
{
    const auto found = std::find_if(script_.calls.begin(), script_.calls.end(),
                                    [&](const CrewCall &call) { return canonical(call.element) == element; });
    return *found;
}

/// The calls of an element, as a list of SQL.
std::string Player::calls_of(const std::string &element) const
{
    std::string list;
    for (const CrewCall &call : script_.calls)
        if (canonical(call.element) == element)
            list += (list.empty() ? "'" : ", '") + call.id + "'";
    return list;
}

State Player::state_of(const std::string &element)
{
    State state{.lines = lane_.simulator.lines(element), .desired = {}, .rows = {}};
    const std::string where = " WHERE crew_call_id IN (" + calls_of(element) + ") ORDER BY 1, 2";
    for (const auto &row : lane_.admin
                               .run("SELECT crew_call_id, technician_id, flex_resource_id, business_role_id FROM "
                                    "flex_desired_crew" +
                                    where)
                               .rows())
        state.desired.push_back(
            {.call = *row[0], .technician = *row[1], .resource = row[2], .role = row[3], .line = {}});
    for (const auto &row :
         lane_.admin.run("SELECT crew_call_id, technician_id, flex_line_item_id FROM flex_crew_assignments" + where)
             .rows())
        state.rows.push_back({.call = *row[0], .technician = *row[1], .resource = {}, .role = {}, .line = row[2]});
    return state;
}

/// The rows of an element, and what is remembered, with where each is stored: whoever writes one moves it.
std::string Player::rows_text(const std::string &element)
{
    std::string text;
    const auto add = [&](const std::string &statement) {
        for (const auto &row : lane_.admin.run(statement).rows())
            text += row[0].value_or("") + "\n";
    };
    add("SELECT (a.ctid, a.xmin, a)::text FROM flex_crew_assignments AS a WHERE crew_call_id IN (" + calls_of(element) +
        ") ORDER BY crew_call_id, technician_id");
    add("SELECT (k.ctid, k.xmin, k)::text FROM flex_sync_contact AS k WHERE flex_element_id = '" + element +
        "' ORDER BY flex_line_item_id, flex_resource_id");
    return text;
}

/// Remembers whose line is whose: the log of the simulator does not tell.
void Player::learn()
{
    for (const std::string &element : script_.elements)
        for (const Line &line : lane_.simulator.lines(element)) {
            record_.resource_of[canonical(line.id)] = canonical(line.resource.value_or(""));
            if (line.is_hidden)
                record_.ever_hidden.insert(canonical(line.id));
        }
}

void Player::check_others()
{
    std::vector<Line> lines;
    for (const std::string &element : script_.elements)
        for (const Line &line : lane_.simulator.lines(element))
            lines.push_back(line);
    for (const auto &[id, other] : record_.others)
        if (std::find(lines.begin(), lines.end(), other.line) == lines.end())
            throw Violation("a line that is no contact was touched: " + other.line.text());
}

void Player::check_converged(const std::string &element, const std::string &prune, const std::string &when)
{
    const State state = state_of(element);
    const auto fail = [&](const std::string &what) { throw Violation(when + ": " + what); };
    const auto visible = [&](const std::optional<std::string> &id) -> const Line * {
        for (const Line &line : state.lines)
            if (id && canonical(line.id) == canonical(*id) && may_serve(line))
                return &line;
        return nullptr;
    };
    const auto is_swapped = [&](const Line &line) { return record_.ever_hidden.contains(canonical(line.id)); };

    std::map<std::string, const State::Member *> rows;
    for (const State::Member &row : state.rows)
        if (!rows.emplace(key_of(row), &row).second)
            fail(key_of(row) + " has two rows");

    std::map<std::string, std::set<std::string>> lines_of; // by resource: those that rows name
    std::map<std::string, std::set<std::string>> roles_of;
    std::set<std::string> members, named;
    for (const State::Member &member : state.desired) {
        members.insert(key_of(member));
        const auto row = rows.find(key_of(member));
        const Line *const line = row == rows.end() ? nullptr : visible(row->second->line);
        if (!has_resource(member)) {
            // A row that names no line waits for a resource.
            if (row != rows.end() && row->second->line && !line)
                fail(key_of(member) + " is not known in Flex and has a row that names nothing there");
            if (line)
                named.insert(canonical(line->id));
            continue;
        }
        const std::string resource = canonical(*member.resource);
        if (row == rows.end())
            fail(key_of(member) + " is desired and has no row");
        if (!line)
            fail("the row of " + key_of(member) +
                 " names nothing that Flex shows: " + row->second->line.value_or("null"));
        if (line->resource && canonical(*line->resource) != resource && !is_swapped(*line))
            fail("the row of " + key_of(member) + " names " + line->text() + " in place of one of " + resource);
        lines_of[resource].insert(canonical(line->id));
        named.insert(canonical(line->id));
        if (member.role && !member.role->empty())
            roles_of[resource].insert(*member.role);
    }
    for (const State::Member &row : state.rows)
        if (!members.contains(key_of(row)))
            fail(key_of(row) + " has a row and is not desired");
    for (const auto &[resource, lines] : lines_of)
        if (lines.size() != 1)
            fail("rows of " + resource + " name different contacts");

    const std::vector<Request> log = prune == "owned" ? lane_.simulator.log() : std::vector<Request>();
    for (const Line &line : state.lines) {
        const std::string id = canonical(line.id);
        if (!may_serve(line) || is_swapped(line))
            continue;
        const std::string resource = canonical(line.resource.value_or(""));
        if (named.contains(id)) {
            const auto roles = roles_of.find(resource);
            if (script_.shows_roles && roles != roles_of.end() && roles->second.size() == 1 &&
                canonical(line.role.value_or("")) != *roles->second.begin())
                fail("not the desired role: " + line.text());
            continue;
        }
        if (!line.is_contact() || resource.empty() || prune == "none")
            continue;
        if (prune == "owned") {
            // One that we made goes, unless a transaction that did not commit took our memory of it (I7).
            // So does a listing that was whole and wrong: a contact that is gone is not remembered.
            bool is_forgiven = record_.made_by_hand.contains(id) || record_.had_spell("lie", 0, now_ms());
            for (const Request &request : log)
                for (const Sync &sync : record_.syncs)
                    is_forgiven = is_forgiven || (request.kind == "add" && request.resource == resource &&
                                                  sync.token == request.token && sync.fate != Fate::Committed);
            if (is_forgiven)
                continue;
        }
        fail((lines_of.contains(resource) ? "one too many: " : "nobody desires ") + line.text());
    }
}

void Player::check_result(const Sync &sync) const
{
    static const std::set<std::string> errors{"", "57014", "57P01", "57P02", "57P03", "55P03", "08006"};
    static const std::set<std::string> statuses{"ok",       "partial", "failed",    "blocked",
                                                "deferred", "busy",    "coalesced", "skipped"};
    const auto fail = [&](const std::string &what) { throw Violation("a sync ended with " + what); };
    if (!errors.contains(sync.sqlstate))
        fail("SQLSTATE " + sync.sqlstate + ": " + sync.error);
    if (sync.error.find("canary-") != std::string::npos)
        fail("the token in its error");
    if (sync.sqlstate.empty() && sync.results.empty())
        fail("no row");
    for (const Result &result : sync.results) {
        if (!statuses.contains(result.status))
            fail("status " + result.status);
        if (result.status == "busy" && !sync.is_nowait)
            fail("status busy, although it was to wait");
        if ((result.message + result.diagnostics).find("canary-") != std::string::npos)
            fail("the token in its result");
        if (result.diagnostics.find("\"23505\"") != std::string::npos ||
            result.diagnostics.find("\"XX") != std::string::npos)
            fail("a diagnostic that must not be: " + result.diagnostics);
        const long present = result.number("kept") + result.number("adopted") + result.number("added");
        if (result.status == "ok" && result.number("desired") != present + result.number("skipped"))
            fail("counts that do not add up");
        if (result.status == "ok" && result.number("failed") != 0)
            fail("status ok and failures");
        if (result.status == "partial" && (result.number("failed") == 0 || result.diagnostics == "[]"))
            fail("status partial and nothing that failed");
        if (result.number("passes") > 3)
            fail("more than three passes");
        if (result.status == "failed" || result.status == "blocked" || result.status == "deferred")
            for (const char *name : {"added", "removed", "stale", "pruned", "roles_set"})
                if (result.number(name) != 0)
                    fail("status " + result.status + " and something " + name);
        if (result.number("duration_ms") > options_.deadline_ms + 5000)
            fail("its deadline long over");
    }
}

std::string Player::report()
{
    std::string text =
        script_.title() + "\noptions: prune " + options_.prune + ", deadline " + std::to_string(options_.deadline_ms) +
        " ms, request_timeout " + std::to_string(options_.request_timeout_ms) + " ms, retries " +
        std::to_string(options_.retries) + ", max_parallel " + std::to_string(options_.max_parallel) +
        ", max_removals " + std::to_string(options_.max_removals) + ", bulk_delete " + options_.bulk_delete +
        " (Flex: " + script_.bulk_delete + ")\nrows are shown as " + script_.shape + "\n";
    for (const CrewCall &call : script_.calls)
        text += "call " + call.id + " of element " + call.element + "\n";
    for (const std::string &line : record_.journal)
        text += line + "\n";
    for (const std::string &element : script_.elements) {
        const State state = state_of(element);
        text += "Flex, element " + element + ":\n";
        for (const Line &line : state.lines)
            text += "  " + line.text() + "\n";
        text += "desired:\n";
        for (const State::Member &member : state.desired)
            text += "  " + key_of(member) + " " + member.resource.value_or("null") + " " +
                    member.role.value_or("null") + "\n";
        text += "rows:\n" + rows_text(element);
    }
    text += "requests:\n";
    for (const Request &request : lane_.simulator.log()) {
        text += "  " + seconds(request.began_ms - record_.began_ms) + " to " +
                seconds(request.ended_ms - record_.began_ms) + " " + request.token + " " + request.kind + " " +
                request.resource;
        for (const std::string &line : request.lines)
            text += " " + line;
        text += " " + request.status + (request.has_acted ? ", acted" : "") + "\n";
    }
    return text;
}

} // namespace chaos
