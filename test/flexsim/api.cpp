#include "api.hpp"

#include "connection.hpp"
#include "text.hpp"

namespace flexsim {

namespace {

Answer error(int status, const std::string &message)
{
    Answer answer;
    answer.status = status;
    answer.body = write_json([&](JsonWriter &writer) {
        writer.StartObject();
        put(writer, "message", message);
        writer.EndObject();
    });
    return answer;
}

Answer success(int status, std::string body)
{
    Answer answer;
    answer.status = status;
    answer.body = std::move(body);
    answer.has_acted = true;
    return answer;
}

Answer lost(Fate fate)
{
    Answer answer;
    answer.fate = fate;
    return answer;
}

} // namespace

Answer Api::serve(Call &call)
{
    identify(call);
    const std::uint64_t ordinal = log_.begin(call);
    const Action action = faults_.take(call);
    const Answer answer = run(call, action, ordinal);
    log_.end(ordinal, answer);
    return answer;
}

Answer Api::run(const Call &call, const Action &action, std::uint64_t ordinal)
{
    if (!gate_.pause(latency_of(call) + action.delay_ms))
        return lost(Fate::Dropped);
    if (!wait(call, action, Moment::Before, ordinal))
        return lost(Fate::Hung);

    Answer answer;
    if (action.carries_out())
        answer = act(call, action);
    disguise(answer, action);
    if (action.drop != Moment::Never)
        answer.fate = Fate::Dropped;
    if (!wait(call, action, Moment::After, ordinal))
        answer.fate = Fate::Hung;
    return answer;
}

// A held request waits even when its client has gone, and is then carried out late; a hanging one is given up.
bool Api::wait(const Call &call, const Action &action, Moment moment, std::uint64_t ordinal)
{
    if (action.hold == moment) {
        log_.set_status(ordinal, "held");
        if (!gate_.wait_for_release({ordinal, call.kind, call.element, false}, nullptr))
            return false;
    }
    if (action.hang == moment) {
        log_.set_status(ordinal, "hung");
        const int socket = find_socket(call.port);
        const auto is_gone = [socket] { return socket < 0 || is_client_gone(socket); };
        if (!gate_.wait_for_release({ordinal, call.kind, call.element, true}, is_gone))
            return false;
    }
    return true;
}

void Api::identify(Call &call)
{
    const std::lock_guard lock(state_.mutex);
    call.has_token = state_.tokens.contains(header_of(call, "X-Auth-Token"));
    if (call.kind == Kind::Delete)
        call.element = state_.store.element_of(call.line);
}

int Api::latency_of(const Call &call)
{
    const std::lock_guard lock(state_.mutex);
    return state_.settings.latency_of(call.kind);
}

Answer Api::act(const Call &call, const Action &action)
{
    if (!call.has_token)
        return error(401, "Unauthorized");
    const std::lock_guard lock(state_.mutex);
    switch (call.kind) {
    case Kind::List:
        return list(call, action);
    case Kind::Add:
        return add(call, action);
    case Kind::Role:
        return set_role(call);
    case Kind::Delete:
        return remove(call);
    case Kind::BulkDelete:
        return bulk_remove(call);
    case Kind::Other:
        break;
    }
    return error(404, "no such call");
}

// What was done stays done; from here on only what the client gets to see changes.
void Api::disguise(Answer &answer, const Action &action)
{
    if (action.status)
        answer.status = *action.status;
    if (action.status && *action.status >= 300 && !action.body)
        answer.body = R"({"message":"fault"})";
    if (action.body)
        answer.body = *action.body;
    if (action.deep_json > 0)
        answer.body = std::string(action.deep_json, '[') + std::string(action.deep_json, ']');
    answer.headers.insert(answer.headers.end(), action.headers.begin(), action.headers.end());
    answer.huge_body = action.huge_body;
    answer.pace = action.slow_body;
    answer.is_cut = action.cut_body;
    answer.is_chunked = action.chunked;
    answer.close_idle_ms = action.close_idle_ms;

    const std::lock_guard lock(state_.mutex);
    answer.may_compress = state_.settings.compress;
    if (!action.refresh_token)
        return;
    answer.headers.emplace_back("X-Auth-Token-Refreshed", *action.refresh_token);
    if (action.only_new_token)
        state_.tokens.clear();
    state_.tokens.insert(*action.refresh_token);
}

Answer Api::list(const Call &call, const Action &action)
{
    const Element *element = state_.store.find(call.element);
    if (element == nullptr)
        return error(404, "no such element");
    const Shape shape = element->shape.value_or(state_.settings.shape);
    const View view{shape, action.half_listing, action.lost_row, action.relabel};
    Answer answer = success(200, write_listing(state_.store.lines_shown(*element), view));
    answer.headers = state_.settings.listing_headers;
    return answer;
}

Answer Api::add(const Call &call, const Action &action)
{
    const Element *element = state_.store.find(call.element);
    if (element == nullptr)
        return error(404, "no such element");
    const Shape shape = element->shape.value_or(state_.settings.shape);

    Line line;
    line.resource = call.resource;
    line.type = form_value(parse_form(call.body), "managedResourceLineItemType", "contact");
    line.hidden = action.hide_add || state_.settings.hide_adds;
    return success(200, add_answer(shape.add, *state_.store.add(call.element, std::move(line))));
}

Answer Api::set_role(const Call &call)
{
    std::string line;
    std::optional<std::string> role;
    try {
        const rapidjson::Document body = parse_json(call.body);
        const Json *id = find_member(body, "lineItemId");
        const Json *field = find_member(body, "fieldType");
        const Json *value = find_member(body, "payloadValue");
        if (id == nullptr || field == nullptr || value == nullptr)
            return error(400, "a member is missing");
        if (as_text(*field) != "business-role")
            return error(400, "unknown fieldType");
        line = as_text(*id);
        role = as_optional_text(*value);
    } catch (const BadRequest &problem) {
        return error(400, problem.what());
    }
    if (line.empty() || canonical_id(state_.store.element_of(line)) != canonical_id(call.element))
        return error(404, "no such line item in the element");
    state_.store.change(line, [&](Line &changing) { changing.role = role; });
    return success(200, R"({"success":true})");
}

Answer Api::remove(const Call &call)
{
    if (!state_.store.remove(call.line))
        return error(404, "no such line item");
    return success(204, "");
}

Answer Api::bulk_remove(const Call &call)
{
    const Settings &settings = state_.settings;
    if (settings.bulk_delete == BulkDelete::Refuse)
        return error(405, "Method Not Allowed");
    Answer answer = success(200, R"({"success":true})");
    answer.has_acted = false;
    if (settings.bulk_delete == BulkDelete::Ignore)
        return answer;
    for (const auto &[name, id] : parse_form(call.body)) {
        if (name == settings.bulk_delete_parameter && state_.store.remove(id))
            answer.has_acted = true;
    }
    return answer;
}

} // namespace flexsim
