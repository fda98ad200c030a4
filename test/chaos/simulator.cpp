#include "simulator.hpp"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace chaos {

namespace {

std::size_t append(char *data, std::size_t size, std::size_t count, void *body)
{
    static_cast<std::string *>(body)->append(data, size * count);
    return size * count;
}

void collect(const Json &rows, std::vector<Line> &lines)
{
    for (const Json &row : rows.GetArray()) {
        lines.push_back({.id = text_in(row, "id").value_or(""),
                         .resource = text_in(row, "resource"),
                         .type = text_in(row, "type"),
                         .role = text_in(row, "role"),
                         .is_hidden = row.HasMember("hidden") && row["hidden"].GetBool()});
        if (row.HasMember("children"))
            collect(row["children"], lines);
    }
}

/// The lines that a deletion names, in the path or in a form.
std::vector<std::string> lines_in(const Json &entry)
{
    std::vector<std::string> lines;
    if (*entry["line"].GetString())
        lines.push_back(canonical(entry["line"].GetString()));
    if (std::string_view(entry["kind"].GetString()) != "bulk_delete")
        return lines;
    std::stringstream form(entry["body"].GetString());
    for (std::string field; std::getline(form, field, '&');)
        lines.push_back(canonical(field.substr(field.find('=') + 1)));
    return lines;
}

} // namespace

std::string Line::text() const
{
    return id + " " + type.value_or("(no type)") + " of " + resource.value_or("(none)") + ", role " +
           role.value_or("(none)") + (is_hidden ? ", hidden" : "");
}

Simulator::Simulator(const std::string &program) : easy_(curl_easy_init(), &curl_easy_cleanup)
{
    char port_file[] = "/tmp/flex_chaos_XXXXXX";
    close(mkstemp(port_file));
    std::filesystem::remove(port_file);
    pid_ = fork();
    if (pid_ == 0) {
        execl(program.c_str(), program.c_str(), "--end-with-parent", "--threads", "100", "--port-file", port_file,
              static_cast<char *>(nullptr));
        _exit(127);
    }
    for (int tries = 0; !std::filesystem::exists(port_file); ++tries) {
        if (tries == 3000)
            throw std::runtime_error("could not start " + program);
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    std::string port;
    std::ifstream(port_file) >> port;
    std::filesystem::remove(port_file);
    root_ = "http://127.0.0.1:" + port;
    curl_easy_setopt(easy_.get(), CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(easy_.get(), CURLOPT_PROXY, "");
    curl_easy_setopt(easy_.get(), CURLOPT_NOSIGNAL, 1L);
}

Simulator::~Simulator()
{
    kill(pid_, SIGTERM);
    waitpid(pid_, nullptr, 0);
}

void Simulator::reset()
{
    post("control/reset", "{}");
}

void Simulator::accept_token(const std::string &token)
{
    add_fault(R"({"kind": "other", "refresh_token": )" + quoted(token) + "}");
    send("f5/api/token", nullptr, true);
}

void Simulator::seed(const std::string &element, const std::string &rows, const std::string &shape)
{
    post("control/seed", R"({"element": )" + quoted(element) + R"(, "rows": )" + rows + R"(, "shape": )" + shape + "}");
}

std::string Simulator::add_row(const std::string &element, const std::string &row)
{
    const auto answer = post("control/add_row", R"({"element": )" + quoted(element) + R"(, "row": )" + row + "}");
    return text_in(answer, "id").value();
}

bool Simulator::delete_line(const std::string &id)
{
    const std::string body = R"({"id": )" + quoted(id) + "}";
    return !send("control/delete_line", &body, true).HasMember("error");
}

bool Simulator::set_line(const std::string &id, const std::string &members)
{
    const std::string body = R"({"id": )" + quoted(id) + ", " + members + "}";
    return !send("control/set_line", &body, true).HasMember("error");
}

void Simulator::configure(const std::string &settings)
{
    post("control/config", settings);
}

void Simulator::add_fault(const std::string &rule)
{
    post("control/faults", rule);
}

void Simulator::clear_faults()
{
    post("control/clear_faults", "{}");
}

void Simulator::release()
{
    post("control/release", "{}");
}

void Simulator::settle()
{
    for (int quiet = 0; quiet < 2;) {
        release();
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        quiet = get("control/counts")["in_flight"].GetInt() == 0 ? quiet + 1 : 0;
    }
}

std::vector<Line> Simulator::lines(const std::string &element)
{
    std::vector<Line> lines;
    collect(get("control/dump?element=" + element), lines);
    return lines;
}

std::vector<Request> Simulator::log()
{
    std::vector<Request> requests;
    const auto log = get("control/log");
    for (const Json &entry : log.GetArray()) {
        const Json &status = entry["status"];
        const double began = entry["started_ms"].GetDouble();
        Request request{.began_ms = began,
                        .ended_ms = began + entry["duration_ms"].GetDouble(),
                        .kind = entry["kind"].GetString(),
                        .element = canonical(entry["element"].GetString()),
                        .resource = canonical(entry["resource"].GetString()),
                        .token = text_in(entry["headers"], "X-Auth-Token").value_or(""),
                        .lines = lines_in(entry),
                        .status = status.IsString() ? status.GetString() : std::to_string(status.GetInt()),
                        .has_acted = entry["acted"].GetBool()};
        if (request.kind != "other")
            requests.push_back(std::move(request));
    }
    std::stable_sort(requests.begin(), requests.end(),
                     [](const Request &a, const Request &b) { return a.began_ms < b.began_ms; });
    return requests;
}

rapidjson::Document Simulator::post(const std::string &path, const std::string &body)
{
    return send(path, &body);
}

rapidjson::Document Simulator::get(const std::string &path)
{
    return send(path, nullptr);
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

} // namespace chaos
