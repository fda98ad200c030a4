#include "simulator.hpp"

#include <rapidjson/document.h>
#include <stdexcept>

namespace bench {

namespace {

std::size_t append(char *data, std::size_t size, std::size_t count, void *body)
{
    static_cast<std::string *>(body)->append(data, size * count);
    return size * count;
}

} // namespace

Simulator::Simulator(std::string root) : root_(std::move(root)), easy_(curl_easy_init(), &curl_easy_cleanup)
{
    curl_easy_setopt(easy_.get(), CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(easy_.get(), CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(easy_.get(), CURLOPT_PROXY, "");
}

void Simulator::set_latency(int ms)
{
    const std::string body = R"({"latency_ms": )" + std::to_string(ms) + "}";
    send("config", &body);
}

void Simulator::allow_bulk_delete()
{
    const std::string body = R"({"bulk_delete": "act"})";
    send("config", &body);
}

void Simulator::seed(const CrewCall &call, const People &people)
{
    std::string body = R"({"element": ")" + call.element() + R"(", "rows": [)";
    for (int n = people.first; n <= people.last; ++n)
        body += std::string(n > people.first ? "," : "") + R"({"id": ")" + call.line(n) + R"(", "resource": ")" +
                call.resource(n) + R"(", "role": ")" + business_role + R"("})";
    body += "]}";
    send("seed", &body);
}

void Simulator::delete_lines(const CrewCall &call, const People &people)
{
    for (int n = people.first; n <= people.last; ++n) {
        const std::string body = R"({"id": ")" + call.line(n) + R"("})";
        send("delete_line", &body);
    }
}

void Simulator::clear_log()
{
    const std::string body = "{}";
    send("clear_log", &body);
}

std::map<std::string, int> Simulator::counts()
{
    rapidjson::Document document;
    document.Parse(send("counts", nullptr).c_str());
    std::map<std::string, int> counts;
    for (const auto &member : document.GetObject()) {
        const std::string kind = member.name.GetString();
        if (kind != "total" && !kind.ends_with("in_flight") && member.value.GetInt() > 0)
            counts[kind] = member.value.GetInt();
    }
    return counts;
}

std::string Simulator::send(const std::string &path, const std::string *body)
{
    std::string answer;
    curl_easy_setopt(easy_.get(), CURLOPT_URL, (root_ + "/control/" + path).c_str());
    curl_easy_setopt(easy_.get(), CURLOPT_WRITEDATA, &answer);
    if (body) {
        curl_easy_setopt(easy_.get(), CURLOPT_POSTFIELDSIZE, static_cast<long>(body->size()));
        curl_easy_setopt(easy_.get(), CURLOPT_POSTFIELDS, body->c_str());
    } else {
        curl_easy_setopt(easy_.get(), CURLOPT_HTTPGET, 1L);
    }
    const CURLcode code = curl_easy_perform(easy_.get());
    if (code != CURLE_OK)
        throw std::runtime_error("simulator, control/" + path + ": " + curl_easy_strerror(code));
    return answer;
}

} // namespace bench
