#pragma once
// A background worker of this session, which commits what it is told in transactions of its own: both ends of the line
// to it.

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "pg/server/wall.hpp"

namespace pg {

/// In whose name a worker runs, and where its function is.
struct WorkerStart {
    std::string library;  ///< as LOAD takes it
    std::string function; ///< of C, exported
    Oid owner;            ///< the role that it connects as
    std::string schema;   ///< for its statements, quoted

    friend bool operator==(const WorkerStart &, const WorkerStart &) = default;
};

/// The session's end. There is one worker at most; it ends with its session, however that ends, and by itself when it
/// has been idle for ten seconds. Nothing here waits.
class SessionWorker {
public:
    /// That of this backend.
    static SessionWorker &instance();

    /// Begins to start the worker unless there is one that was started so. Why there is none to be had, if so.
    std::optional<std::string> start(WorkerStart start);

    /// True if there is none, or it has ended. What was sent and not answered may be done or not.
    bool is_gone();

    /// Sends a message, after those that still wait to be sent. Without a worker it is lost.
    void send(std::string message);

    /// The same of one that is answered. Gives the number of the answer.
    std::int64_t ask(std::string message);

    /// An answer, once it is there.
    std::optional<std::string> answer_to(std::int64_t number);

    /// True if that answer will never come: the worker has ended.
    bool is_lost(std::int64_t number);

    /// Answers that nobody asks for any more.
    void forget_answers() { answers_.clear(); }

    /// Sent when the transaction ends, unless it is emptied before; its answer is nobody's.
    void at_end(std::string message) { at_end_ = std::move(message); }

private:
    SessionWorker();
    static void on_transaction_end(XactEvent event, void *worker) noexcept;
    void turn();
    void send_some();
    void hang_up();

    dsm_segment *segment_ = nullptr; ///< none: there is no worker
    shm_mq_handle *to_worker_ = nullptr;
    shm_mq_handle *from_worker_ = nullptr;
    WorkerStart start_ = {};
    std::deque<std::string> outbox_;
    std::map<std::int64_t, std::string> answers_;
    std::int64_t asked_ = 0;
    std::int64_t answered_ = 0;
    std::string at_end_;
};

/// The worker's end.
class WorkerLine {
public:
    /// Connects to the session, and to its database. Raises the server's error.
    explicit WorkerLine(Datum segment);

    Oid owner() const;
    std::string schema() const;

    /// The next message; none if the session has ended, or if none has come within the time.
    std::optional<std::string> receive(std::chrono::milliseconds at_most);

    /// Answers the oldest message that wants an answer.
    void answer(const std::string &text);

    /// True once the session has ended.
    bool has_ended() const { return has_ended_; }

private:
    dsm_segment *segment_ = nullptr;
    shm_mq_handle *from_session_ = nullptr;
    shm_mq_handle *to_session_ = nullptr;
    bool has_ended_ = false;
};

} // namespace pg
