#include "faults.hpp"

#include <cctype>

#include "text.hpp"

namespace flexsim {

namespace {

Moment as_moment(const Json &value)
{
    static const Names<Moment> moments = {{"before", Moment::Before}, {"after", Moment::After}};
    if (value.IsString() && !std::isdigit(static_cast<unsigned char>(*value.GetString())))
        return as_enum(moments, value);
    return as_bool(value) ? Moment::Before : Moment::Never;
}

void set_kinds(Rule &rule, const Json &value)
{
    rule.kinds.clear();
    if (!value.IsArray()) {
        rule.kinds.insert(as_enum(kind_names(), value));
        return;
    }
    for (const Json &kind : value.GetArray())
        rule.kinds.insert(as_enum(kind_names(), kind));
}

void set_path(Rule &rule, const Json &value)
{
    rule.path_text = as_text(value);
    try {
        rule.path.emplace(*rule.path_text);
    } catch (const std::regex_error &error) {
        throw BadRequest("malformed regular expression \"" + *rule.path_text + "\": " + error.what());
    }
}

int as_status(const Json &value)
{
    const int status = as_int(value);
    if (status < 200 || status > 599)
        throw BadRequest("a status from 200 to 599 is wanted");
    return status;
}

void set_headers(Rule &rule, const Json &value)
{
    for (auto &header : as_headers(value))
        rule.action.headers.push_back(std::move(header));
}

void set_redirect(Rule &rule, const Json &value)
{
    if (!rule.action.status)
        rule.action.status = 302;
    rule.action.headers.emplace_back("Location", as_text(value));
}

void set_wrong_token(Rule &rule, const Json &value)
{
    if (as_bool(value))
        rule.action.status = 401;
}

Pace as_pace(const Json &value)
{
    static const Setters<Pace> setters = {
        {"bytes", [](Pace &pace, const Json &number) { pace.bytes = as_size(number); }},
        {"every_ms", [](Pace &pace, const Json &number) { pace.every_ms = as_int(number); }},
    };
    Pace pace;
    read_members(pace, value, setters);
    if (pace.bytes == 0)
        throw BadRequest("\"slow_body\" wants \"bytes\" of at least 1");
    return pace;
}

void set_close_idle(Rule &rule, const Json &value)
{
    if (value.IsBool()) {
        if (value.GetBool())
            rule.action.close_idle_ms = 0;
    } else {
        rule.action.close_idle_ms = as_int(value);
    }
}

const Setters<Rule> setters = {
    {"kind", set_kinds},
    {"method", [](Rule &rule, const Json &value) { rule.method = as_text(value); }},
    {"path", set_path},
    {"element", [](Rule &rule, const Json &value) { rule.element = canonical_id(as_text(value)); }},
    {"kept", [](Rule &rule, const Json &value) { rule.kept = as_bool(value); }},
    {"skip", [](Rule &rule, const Json &value) { rule.skip = as_size(value); }},
    {"times", [](Rule &rule, const Json &value) { rule.times = as_size(value); }},
    {"delay_ms", [](Rule &rule, const Json &value) { rule.action.delay_ms = as_int(value); }},
    {"hold", [](Rule &rule, const Json &value) { rule.action.hold = as_moment(value); }},
    {"hang", [](Rule &rule, const Json &value) { rule.action.hang = as_moment(value); }},
    {"drop", [](Rule &rule, const Json &value) { rule.action.drop = as_moment(value); }},
    {"act", [](Rule &rule, const Json &value) { rule.action.act = as_bool(value); }},
    {"status", [](Rule &rule, const Json &value) { rule.action.status = as_status(value); }},
    {"headers", set_headers},
    {"body", [](Rule &rule, const Json &value) { rule.action.body = as_text(value); }},
    {"body_hex", [](Rule &rule, const Json &value) { rule.action.body = from_hex(as_text(value)); }},
    {"huge_body", [](Rule &rule, const Json &value) { rule.action.huge_body = as_size(value); }},
    {"deep_json", [](Rule &rule, const Json &value) { rule.action.deep_json = as_size(value); }},
    {"slow_body", [](Rule &rule, const Json &value) { rule.action.slow_body = as_pace(value); }},
    {"cut_body", [](Rule &rule, const Json &value) { rule.action.cut_body = as_bool(value); }},
    {"chunked", [](Rule &rule, const Json &value) { rule.action.chunked = as_bool(value); }},
    {"close_idle", set_close_idle},
    {"redirect", set_redirect},
    {"refresh_token", [](Rule &rule, const Json &value) { rule.action.refresh_token = as_text(value); }},
    {"only_new_token", [](Rule &rule, const Json &value) { rule.action.only_new_token = as_bool(value); }},
    {"wrong_token", set_wrong_token},
    {"half_listing", [](Rule &rule, const Json &value) { rule.action.half_listing = as_bool(value); }},
    {"lost_row", [](Rule &rule, const Json &value) { rule.action.lost_row = as_int(value); }},
    {"hide_add", [](Rule &rule, const Json &value) { rule.action.hide_add = as_bool(value); }},
    {"relabel", [](Rule &rule, const Json &value) { rule.action.relabel = as_text(value); }},
};

Rule read_rule(const Json &object)
{
    Rule rule;
    read_members(rule, object, setters);
    return rule;
}

void write_rule(JsonWriter &writer, const Rule &rule)
{
    writer.StartObject();
    writer.Key("kind");
    writer.StartArray();
    for (const Kind kind : rule.kinds)
        writer.String(name_of(kind).data());
    writer.EndArray();
    put(writer, "method", rule.method);
    put(writer, "path", rule.path_text);
    put(writer, "element", rule.element);
    put(writer, "skip", rule.skip);
    put(writer, "times", rule.times);
    put(writer, "matched", rule.matched);
    put(writer, "applied", rule.applied);
    writer.EndObject();
}

} // namespace

bool Action::carries_out() const
{
    const bool is_made_up = status || body || huge_body > 0 || deep_json > 0;
    return act.value_or(!is_made_up && drop != Moment::Before);
}

bool Rule::matches(const Call &call) const
{
    return (kinds.empty() || kinds.contains(call.kind)) && (!method || *method == call.method) &&
           (!element || *element == canonical_id(call.element)) && (!kept || *kept == call.is_kept) &&
           (!path || std::regex_search(call.path, *path));
}

void Faults::add(const Json &rules)
{
    std::vector<Rule> added;
    if (rules.IsArray()) {
        for (const Json &rule : rules.GetArray())
            added.push_back(read_rule(rule));
    } else {
        added.push_back(read_rule(rules));
    }
    const std::lock_guard lock(mutex_);
    rules_.insert(rules_.end(), added.begin(), added.end());
}

void Faults::clear()
{
    const std::lock_guard lock(mutex_);
    rules_.clear();
}

Action Faults::take(const Call &call)
{
    const std::lock_guard lock(mutex_);
    for (Rule &rule : rules_) {
        const bool is_spent = rule.times != 0 && rule.applied >= rule.times;
        if (is_spent || !rule.matches(call))
            continue;
        if (++rule.matched <= rule.skip)
            continue;
        ++rule.applied;
        return rule.action;
    }
    return {};
}

void Faults::write(JsonWriter &writer) const
{
    const std::lock_guard lock(mutex_);
    writer.StartArray();
    for (const Rule &rule : rules_)
        write_rule(writer, rule);
    writer.EndArray();
}

} // namespace flexsim
