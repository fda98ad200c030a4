#include "request_log.hpp"

#include <algorithm>

namespace flexsim {

namespace {

constexpr std::size_t max_entries = 100'000;

template <class Duration> double to_ms(Duration duration)
{
    return std::chrono::duration<double, std::milli>(duration).count();
}

std::string status_of(const Answer &answer)
{
    if (answer.fate == Fate::Answered)
        return std::to_string(answer.status);
    return answer.fate == Fate::Dropped ? "dropped" : "hung";
}

bool wants(const LogFilter &filter, const Call &call, const std::string &status)
{
    return (filter.kind.empty() || filter.kind == name_of(call.kind)) &&
           (filter.method.empty() || filter.method == call.method) &&
           (filter.element.empty() || filter.element == call.element) &&
           (filter.status.empty() || filter.status == status);
}

void put_headers(JsonWriter &writer, const Headers &headers)
{
    writer.Key("headers");
    writer.StartObject();
    for (const auto &[name, value] : headers)
        put(writer, name.c_str(), value);
    writer.EndObject();
}

// Scripts compare a real status as a number and the others as words.
void put_status(JsonWriter &writer, const std::string &status)
{
    const bool is_number = !status.empty() && status[0] >= '0' && status[0] <= '9';
    if (!is_number)
        return put(writer, "status", status);
    put(writer, "status", std::stoi(status));
}

} // namespace

std::uint64_t RequestLog::begin(const Call &call)
{
    const std::lock_guard lock(mutex_);
    Entry &entry = entries_.emplace_back();
    entry.call = call;
    entry.started = std::chrono::system_clock::now();
    entry.begun = std::chrono::steady_clock::now();
    ++counts_[static_cast<std::size_t>(call.kind)];
    max_in_flight_ = std::max(max_in_flight_, ++in_flight_);

    const std::uint64_t ordinal = first_ + entries_.size() - 1;
    if (entries_.size() > max_entries) {
        entries_.pop_front();
        ++first_;
    }
    return ordinal;
}

void RequestLog::set_status(std::uint64_t ordinal, const std::string &status)
{
    const std::lock_guard lock(mutex_);
    if (Entry *entry = find(ordinal))
        entry->status = status;
}

void RequestLog::end(std::uint64_t ordinal, const Answer &answer)
{
    const std::lock_guard lock(mutex_);
    --in_flight_;
    Entry *entry = find(ordinal);
    if (entry == nullptr)
        return;
    entry->status = status_of(answer);
    entry->has_acted = answer.has_acted;
    entry->duration_ms = to_ms(std::chrono::steady_clock::now() - entry->begun);
}

void RequestLog::clear()
{
    const std::lock_guard lock(mutex_);
    first_ += entries_.size();
    entries_.clear();
    counts_.fill(0);
    max_in_flight_ = in_flight_;
}

void RequestLog::write_entries(JsonWriter &writer, const LogFilter &filter) const
{
    const std::lock_guard lock(mutex_);
    writer.StartArray();
    for (std::size_t at = 0; at < entries_.size(); ++at) {
        const Entry &entry = entries_[at];
        const std::uint64_t ordinal = first_ + at;
        if (ordinal > filter.since && wants(filter, entry.call, entry.status))
            write_entry(writer, ordinal, entry);
    }
    writer.EndArray();
}

void RequestLog::write_counts(JsonWriter &writer) const
{
    const std::lock_guard lock(mutex_);
    std::size_t total = 0;
    writer.StartObject();
    for (const auto &[name, kind] : kind_names()) {
        const std::size_t count = counts_[static_cast<std::size_t>(kind)];
        put(writer, name.data(), count);
        total += count;
    }
    put(writer, "total", total);
    put(writer, "in_flight", in_flight_);
    put(writer, "max_in_flight", max_in_flight_);
    writer.EndObject();
}

void RequestLog::write_entry(JsonWriter &writer, std::uint64_t ordinal, const Entry &entry)
{
    const Call &call = entry.call;
    writer.StartObject();
    put(writer, "ordinal", ordinal);
    put(writer, "kind", name_of(call.kind));
    put(writer, "method", call.method);
    put(writer, "path", call.path);
    put(writer, "query", call.query);
    put(writer, "element", call.element);
    put(writer, "resource", call.resource);
    put(writer, "line", call.line);
    put_headers(writer, call.headers);
    put(writer, "body", call.body);
    put(writer, "token_ok", call.has_token);
    put(writer, "connection", call.connection);
    put(writer, "kept", call.is_kept);
    put(writer, "port", call.port);
    put_status(writer, entry.status);
    put(writer, "acted", entry.has_acted);
    writer.Key("started_ms");
    writer.Double(to_ms(entry.started.time_since_epoch()));
    writer.Key("duration_ms");
    writer.Double(entry.duration_ms);
    writer.EndObject();
}

RequestLog::Entry *RequestLog::find(std::uint64_t ordinal)
{
    return ordinal < first_ || ordinal - first_ >= entries_.size() ? nullptr : &entries_[ordinal - first_];
}

} // namespace flexsim
