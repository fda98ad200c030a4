#include "simulator.hpp"

#include <chrono>
#include <stdexcept>
#include <thread>

namespace driver {

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
    curl_easy_setopt(easy_.get(), CURLOPT_PROXY, "");
    curl_easy_setopt(easy_.get(), CURLOPT_NOSIGNAL, 1L);
}

void Simulator::accept_token(const std::string &token)
{
    add_fault(R"({"kind": "other", "refresh_token": ")" + token + R"("})");
    send("f5/api/token", nullptr, true);
}

void Simulator::seed(const std::string &element, const std::string &rows, const std::string &shape)
{
    post("seed", R"({"element": ")" + element + R"(", "rows": )" + rows + R"(, "shape": )" + shape + "}");
}

std::string Simulator::add_row(const std::string &element, const std::string &row)
{
    return post("add_row", R"({"element": ")" + element + R"(", "row": )" + row + "}")["id"].GetString();
}

bool Simulator::delete_line(const std::string &id)
{
    const std::string body = R"({"id": ")" + id + R"("})";
    return !send("control/delete_line", &body, true).HasMember("error");
}

bool Simulator::set_line(const std::string &id, const std::string &members)
{
    const std::string body = R"({"id": ")" + id + R"(", )" + members + "}";
    return !send("control/set_line", &body, true).HasMember("error");
}

void Simulator::settle()
{
    for (int quiet = 0; quiet < 2;) {
        release();
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        quiet = get("counts")["in_flight"].GetInt() == 0 ? quiet + 1 : 0;
    }
}

std::map<std::string, int> Simulator::counts()
{
    std::map<std::string, int> counts;
    const rapidjson::Document answer = get("counts");
    for (const auto &member : answer.GetObject()) {
        const std::string kind = member.name.GetString();
        if (kind != "total" && !kind.ends_with("in_flight") && member.value.GetInt() > 0)
            counts[kind] = member.value.GetInt();
    }
    return counts;
}

rapidjson::Document Simulator::send(const std::string &path, const std::string *body, bool may_fail)
{
    std::string answer;
    curl_easy_setopt(easy_.get(), CURLOPT_URL, (root_ + "/" + path).c_str());
    curl_easy_setopt(easy_.get(), CURLOPT_WRITEDATA, &answer);
    if (body) {
        curl_easy_setopt(easy_.get(), CURLOPT_POSTFIELDSIZE, static_cast<long>(body->size()));
        curl_easy_setopt(easy_.get(), CURLOPT_POSTFIELDS, body->c_str());
    } else {
        curl_easy_setopt(easy_.get(), CURLOPT_HTTPGET, 1L);
    }
    const CURLcode code = curl_easy_perform(easy_.get());
    long status = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK || (status != 200 && !may_fail))
        throw std::runtime_error("simulator, " + path + ": " + (code ? curl_easy_strerror(code) : answer) +
                                 (body ? " for " + *body : ""));
    rapidjson::Document document;
    document.Parse(answer.c_str());
    return document;
}

} // namespace driver
