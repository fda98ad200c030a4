#include "delivery.hpp"

#include <algorithm>
#include <cstdio>

#include "connection.hpp"

namespace flexsim {

namespace {

constexpr std::size_t piece_size = 65536;

/// A body that is read piece by piece.
class Body {
public:
    explicit Body(const Answer &answer) : text_(answer.body), huge_(answer.huge_body) {}

    std::size_t size() const { return huge_ > 0 ? huge_ : text_.size(); }

    /// The next up to `most` bytes; none at the end.
    std::string next(std::size_t most)
    {
        while (huge_ > 0 && made_ < huge_ && ready_.size() < most)
            make_more();
        const std::string_view rest = huge_ > 0 ? std::string_view(ready_) : std::string_view(text_).substr(sent_);
        std::string piece(rest.substr(0, most));
        sent_ += piece.size();
        if (huge_ > 0)
            ready_.erase(0, piece.size());
        return piece;
    }

private:
    // A listing of made-up contacts, of exactly huge_ bytes where there is room for its brackets.
    void make_more()
    {
        char row[128];
        const int length = std::snprintf(row, sizeof row,
                                         "%c{\"id\":\"line-%012zu\",\"resourceId\":\"resource-%012zu\","
                                         "\"managedResourceLineItemType\":\"contact\"}",
                                         rows_ == 0 ? '[' : ',', rows_, rows_);
        const std::size_t room = huge_ - made_;
        if (room > static_cast<std::size_t>(length)) {
            append(std::string(row, static_cast<std::size_t>(length)));
            ++rows_;
        } else {
            std::string end(room, ' ');
            if (rows_ == 0)
                end.front() = '[';
            end.back() = ']';
            append(end);
        }
    }

    void append(const std::string &text)
    {
        ready_ += text;
        made_ += text.size();
    }

    const std::string text_;
    const std::size_t huge_;
    std::string ready_;
    std::size_t made_ = 0, sent_ = 0, rows_ = 0;
};

// Sends the body in the answer's way, as the HTTP library asks for it. False ends the connection.
struct Sender {
    Body body;
    std::size_t limit;
    Pace pace;
    Gate *gate;

    bool send(std::size_t offset, httplib::DataSink &sink)
    {
        const std::size_t most = pace.bytes > 0 ? pace.bytes : piece_size;
        const std::string piece = body.next(std::min(most, limit - std::min(limit, offset)));
        if (piece.empty())
            return false;
        return gate->pause(pace.every_ms) && sink.write(piece.data(), piece.size());
    }
};

void stream_body(const Answer &answer, Gate &gate, const std::string &type, httplib::Response &response)
{
    const Body body(answer);
    const std::size_t limit = answer.is_cut ? body.size() / 2 : body.size();
    Sender sender{body, limit, answer.pace, &gate};
    if (answer.is_chunked) {
        response.set_chunked_content_provider(
            type, [sender, is_cut = answer.is_cut](std::size_t offset, httplib::DataSink &sink) mutable {
                if (offset < sender.limit)
                    return sender.send(offset, sink);
                if (!is_cut)
                    sink.done();
                return !is_cut;
            });
        return;
    }
    // A body too short to be cut in the middle is announced longer than it is.
    const std::size_t announced = answer.is_cut ? std::max<std::size_t>(body.size(), 2) : body.size();
    response.set_content_provider(announced, type,
                                  [sender](std::size_t offset, std::size_t, httplib::DataSink &sink) mutable {
                                      return sender.send(offset, sink);
                                  });
}

void set_body(const Answer &answer, Gate &gate, const std::string &type, httplib::Response &response)
{
    const bool is_streamed = answer.huge_body > 0 || answer.pace.bytes > 0 || answer.is_cut || answer.is_chunked;
    if (is_streamed)
        return stream_body(answer, gate, type, response);
    if (!answer.body.empty())
        response.set_content(answer.body, type);
}

} // namespace

void deliver(const Answer &answer, int port, Gate &gate, httplib::Response &response)
{
    response.status = answer.status;
    if (answer.fate != Fate::Answered)
        return end_connection(find_socket(port));

    // The HTTP library compresses a type that it knows, and knows none in capitals.
    const std::string type = answer.may_compress ? "application/json" : "application/JSON;charset=UTF-8";
    set_body(answer, gate, type, response);
    for (const auto &[name, value] : answer.headers) {
        if (name == "Content-Type")
            response.headers.erase(name);
        response.set_header(name, value);
    }
    current_connection().close_idle_ms = answer.close_idle_ms;
}

} // namespace flexsim
