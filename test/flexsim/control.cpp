#include "control.hpp"

#include <algorithm>
#include <charconv>

#include "rows.hpp"

namespace flexsim {

namespace {

struct NotFound : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// The JSON object whose members `fill(writer)` writes.
template <class Fill> std::string object_of(Fill fill)
{
    return write_json([&](JsonWriter &writer) {
        writer.StartObject();
        fill(writer);
        writer.EndObject();
    });
}

const Json &wanted(const Json &body, const char *name)
{
    const Json *member = find_member(body, name);
    if (member == nullptr)
        throw BadRequest("member \"" + std::string(name) + "\" is missing");
    return *member;
}

std::uint64_t number_of(const Form &query, std::string_view name, std::uint64_t fallback)
{
    const std::string text = form_value(query, name);
    if (text.empty())
        return fallback;
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size())
        throw BadRequest("parameter \"" + std::string(name) + "\" is no number");
    return number;
}

Answer answer_of(int status, std::string body)
{
    Answer answer;
    answer.status = status;
    answer.body = std::move(body);
    return answer;
}

Answer error(int status, const std::string &message)
{
    return answer_of(status, object_of([&](JsonWriter &writer) { put(writer, "error", message); }));
}

void put_ids(JsonWriter &writer, const std::vector<std::string> &ids)
{
    writer.Key("ids");
    writer.StartArray();
    for (const std::string &id : ids)
        writer.String(id);
    writer.EndArray();
}

void put_held(JsonWriter &writer, const Held &held)
{
    writer.StartObject();
    put(writer, "ordinal", held.ordinal);
    put(writer, "kind", name_of(held.kind));
    put(writer, "element", held.element);
    put(writer, "hanging", held.is_hanging);
    writer.EndObject();
}

} // namespace

Control::Control(State &state, Faults &faults, RequestLog &log, Gate &gate, std::string token, int latency_ms)
    : state_(state), faults_(faults), log_(log), gate_(gate), token_(std::move(token)), latency_ms_(latency_ms)
{
    restore_state();
}

const std::map<std::string, Control::Handler> &Control::handlers()
{
    static const std::map<std::string, Handler> table = {
        {"POST reset", &Control::reset},
        {"POST seed", &Control::seed},
        {"POST add_row", &Control::add_row},
        {"POST delete_line", &Control::delete_line},
        {"POST set_line", &Control::set_line},
        {"GET dump", &Control::dump},
        {"GET log", &Control::log_entries},
        {"GET counts", &Control::counts},
        {"POST clear_log", &Control::clear_log},
        {"GET config", &Control::show_config},
        {"POST config", &Control::set_config},
        {"GET faults", &Control::show_faults},
        {"POST faults", &Control::add_faults},
        {"POST clear_faults", &Control::clear_faults},
        {"GET held", &Control::held},
        {"POST release", &Control::release},
    };
    return table;
}

Answer Control::serve(const std::string &method, const std::string &name, const std::string &query,
                      const std::string &body)
try {
    const auto handler = handlers().find(method + " " + name);
    if (handler == handlers().end())
        throw NotFound("no control call " + method + " /control/" + name);
    return answer_of(200, (this->*handler->second)(parse_json(body), parse_form(query)));
} catch (const NotFound &problem) {
    return error(404, problem.what());
} catch (const BadRequest &problem) {
    return error(400, problem.what());
}

std::string Control::reset(const Json &, const Form &)
{
    faults_.clear();
    gate_.abandon_all();
    restore_state();
    log_.clear();
    return "{}";
}

void Control::restore_state()
{
    const std::lock_guard lock(state_.mutex);
    state_.store.clear();
    state_.store.set_lag(std::chrono::milliseconds(0));
    state_.settings = Settings{};
    state_.settings.latency_ms = latency_ms_;
    state_.tokens = {token_};
}

std::string Control::seed(const Json &body, const Form &)
{
    const std::string element = as_text(wanted(body, "element"));
    Lines lines = read_lines(wanted(body, "rows"));
    const Json *shape_members = find_member(body, "shape");

    const std::lock_guard lock(state_.mutex);
    std::optional<Shape> shape;
    if (shape_members != nullptr)
        read_shape(shape.emplace(state_.settings.shape), *shape_members);
    const std::vector<std::string> ids = state_.store.seed(element, std::move(lines), shape);
    return object_of([&](JsonWriter &writer) { put_ids(writer, ids); });
}

std::string Control::add_row(const Json &body, const Form &)
{
    const std::string element = as_text(wanted(body, "element"));
    Line line = read_line(wanted(body, "row"));

    const std::lock_guard lock(state_.mutex);
    const std::optional<std::string> id = state_.store.add(element, std::move(line));
    if (!id)
        throw NotFound("no element \"" + element + "\"");
    return object_of([&](JsonWriter &writer) { put(writer, "id", *id); });
}

std::string Control::delete_line(const Json &body, const Form &)
{
    const std::string id = as_text(wanted(body, "id"));
    const std::lock_guard lock(state_.mutex);
    if (!state_.store.remove(id))
        throw NotFound("no line \"" + id + "\"");
    return "{}";
}

std::string Control::set_line(const Json &body, const Form &)
{
    static const Setters<Line> setters = {
        {"id", [](Line &, const Json &) {}},
        {"resource", [](Line &line, const Json &value) { line.resource = as_optional_text(value); }},
        {"type", [](Line &line, const Json &value) { line.type = as_optional_text(value); }},
        {"role", [](Line &line, const Json &value) { line.role = as_optional_text(value); }},
        {"name", [](Line &line, const Json &value) { line.name = as_optional_text(value); }},
        {"hidden", [](Line &line, const Json &value) { line.hidden = as_bool(value); }},
    };
    const std::string id = as_text(wanted(body, "id"));
    Line checked;
    read_members(checked, body, setters);

    const std::lock_guard lock(state_.mutex);
    if (!state_.store.change(id, [&](Line &line) { read_members(line, body, setters); }))
        throw NotFound("no line \"" + id + "\"");
    return "{}";
}

std::string Control::dump(const Json &, const Form &query)
{
    const std::string only = form_value(query, "element");
    const std::lock_guard lock(state_.mutex);
    if (!only.empty()) {
        const Element *element = state_.store.find(only);
        if (element == nullptr)
            throw NotFound("no element \"" + only + "\"");
        return write_json([&](JsonWriter &writer) { write_dump(writer, element->lines); });
    }
    return object_of([&](JsonWriter &writer) {
        for (const auto &[key, element] : state_.store.elements()) {
            writer.Key(element.id.c_str());
            write_dump(writer, element.lines);
        }
    });
}

std::string Control::log_entries(const Json &, const Form &query)
{
    const LogFilter filter{form_value(query, "kind"), form_value(query, "method"), form_value(query, "element"),
                           form_value(query, "status"), number_of(query, "since", 0)};
    return write_json([&](JsonWriter &writer) { log_.write_entries(writer, filter); });
}

std::string Control::counts(const Json &, const Form &)
{
    return write_json([&](JsonWriter &writer) { log_.write_counts(writer); });
}

std::string Control::clear_log(const Json &, const Form &)
{
    log_.clear();
    return "{}";
}

std::string Control::show_config(const Json &, const Form &)
{
    const std::lock_guard lock(state_.mutex);
    return write_json([&](JsonWriter &writer) { write_settings(writer, state_.settings); });
}

std::string Control::set_config(const Json &body, const Form &query)
{
    {
        const std::lock_guard lock(state_.mutex);
        Settings changed = state_.settings;
        read_settings(changed, body);
        state_.settings = changed;
        state_.store.set_lag(std::chrono::milliseconds(changed.listing_lag_ms));
    }
    return show_config(body, query);
}

std::string Control::show_faults(const Json &, const Form &)
{
    return write_json([&](JsonWriter &writer) { faults_.write(writer); });
}

std::string Control::add_faults(const Json &body, const Form &query)
{
    faults_.add(body);
    return show_faults(body, query);
}

std::string Control::clear_faults(const Json &, const Form &)
{
    faults_.clear();
    return "{}";
}

std::string Control::held(const Json &, const Form &query)
{
    constexpr std::uint64_t longest_ms = 600'000;
    const int timeout_ms = static_cast<int>(std::min(number_of(query, "timeout_ms", 0), longest_ms));
    const std::vector<Held> held = gate_.held(timeout_ms, number_of(query, "count", 1));
    return write_json([&](JsonWriter &writer) {
        writer.StartArray();
        for (const Held &request : held)
            put_held(writer, request);
        writer.EndArray();
    });
}

std::string Control::release(const Json &body, const Form &)
{
    const Json *ordinal = find_member(body, "ordinal");
    const std::size_t released =
        gate_.release(ordinal == nullptr ? std::nullopt : std::optional<std::uint64_t>(as_size(*ordinal)));
    return object_of([&](JsonWriter &writer) { put(writer, "released", released); });
}

} // namespace flexsim
