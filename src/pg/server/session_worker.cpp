#include "pg/server/session_worker.hpp"

#include <cstdio>
#include <cstring>
#include <utility>

#include "pg/server/wall.hpp"

namespace pg {

using std::chrono::milliseconds;

namespace {

constexpr Size queue_bytes = Size{64} << 10;

/// How the segment begins that session and worker share. Behind it lie the two queues.
struct Header {
    Oid database;
    Oid owner;
    char schema[2 * NAMEDATALEN + 3];
};

char *queue_in(dsm_segment *segment, int number)
{
    return static_cast<char *>(dsm_segment_address(segment)) + MAXALIGN(sizeof(Header)) +
           static_cast<Size>(number) * queue_bytes;
}

constexpr int to_worker = 0;
constexpr int to_session = 1;

/// From PostgreSQL 17 on a worker may run as a role that cannot log in.
constexpr uint32 connection_flags =
#if PG_VERSION_NUM >= 170000
    BGWORKER_BYPASS_ROLELOGINCHECK;
#else
    0;
#endif

bool can_connect_as(Oid role)
{
    return connection_flags != 0 || call([&] {
               const HeapTuple tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
               if (!HeapTupleIsValid(tuple))
                   return false;
               const bool can_login = reinterpret_cast<Form_pg_authid>(GETSTRUCT(tuple))->rolcanlogin;
               ReleaseSysCache(tuple);
               return can_login;
           });
}

template <std::size_t size> void copy(char (&to)[size], const std::string &from)
{
    std::snprintf(to, size, "%s", from.c_str());
}

} // namespace

// ---- the session's end --------------------------------------------------------------------------------------------

SessionWorker &SessionWorker::instance()
{
    static auto *const worker = new SessionWorker;
    return *worker;
}

SessionWorker::SessionWorker()
{
    call([&] { RegisterXactCallback(on_transaction_end, this); });
}

std::optional<std::string> SessionWorker::start(WorkerStart start)
{
    if (!is_gone() && start == start_)
        return std::nullopt;
    if (!IsUnderPostmaster)
        return "a server in single-user mode has no background workers (start it as a service)";
    if (!can_connect_as(start.owner))
        return "the role that owns the tables of flex_sync cannot log in (ALTER ROLE … LOGIN, or PostgreSQL 17)";
    hang_up();
    BackgroundWorker worker{};
    worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
    worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
    worker.bgw_restart_time = BGW_NEVER_RESTART;
    worker.bgw_notify_pid = MyProcPid;
    copy(worker.bgw_name, "flex_sync journal of session " + std::to_string(MyProcPid));
    copy(worker.bgw_type, "flex_sync journal");
    copy(worker.bgw_library_name, start.library);
    copy(worker.bgw_function_name, start.function);
    Header header{.database = MyDatabaseId, .owner = start.owner, .schema = {}};
    copy(header.schema, start.schema);
    const bool is_begun = call([&] {
        dsm_segment *const segment =
            dsm_create(MAXALIGN(sizeof(Header)) + 2 * queue_bytes, DSM_CREATE_NULL_IF_MAXSEGMENTS);
        if (!segment)
            return false;
        std::memcpy(dsm_segment_address(segment), &header, sizeof header);
        shm_mq *const out = shm_mq_create(queue_in(segment, to_worker), queue_bytes);
        shm_mq *const in = shm_mq_create(queue_in(segment, to_session), queue_bytes);
        shm_mq_set_sender(out, MyProc);
        shm_mq_set_receiver(in, MyProc);
        worker.bgw_main_arg = UInt32GetDatum(dsm_segment_handle(segment));
        // What outlives this transaction.
        MemoryContext const outer = MemoryContextSwitchTo(TopMemoryContext);
        BackgroundWorkerHandle *handle = nullptr;
        const bool is_registered = RegisterDynamicBackgroundWorker(&worker, &handle);
        if (is_registered) {
            dsm_pin_mapping(segment);
            segment_ = segment;
            to_worker_ = shm_mq_attach(out, segment, handle);
            from_worker_ = shm_mq_attach(in, segment, handle);
        } else {
            dsm_detach(segment);
        }
        MemoryContextSwitchTo(outer);
        return is_registered;
    });
    start_ = std::move(start);
    return is_begun ? std::nullopt
                    : std::optional<std::string>("no background worker is free (raise max_worker_processes)");
}

bool SessionWorker::is_gone()
{
    turn();
    return !segment_;
}

void SessionWorker::send(std::string message)
{
    if (segment_)
        outbox_.push_back(std::move(message));
    turn();
}

std::int64_t SessionWorker::ask(std::string message)
{
    ++asked_;
    if (!segment_)
        answered_ = asked_; // never
    send(std::move(message));
    return asked_;
}

std::optional<std::string> SessionWorker::answer_to(std::int64_t number)
{
    turn();
    const auto found = answers_.find(number);
    return found == answers_.end() ? std::nullopt : std::optional(found->second);
}

bool SessionWorker::is_lost(std::int64_t number)
{
    turn();
    return number <= answered_ && !answers_.contains(number);
}

/// Sends and receives what can be sent and received now.
void SessionWorker::turn()
{
    send_some();
    while (segment_) {
        Size size = 0;
        void *data = nullptr;
        const shm_mq_result result = call([&] { return shm_mq_receive(from_worker_, &size, &data, true); });
        if (result == SHM_MQ_WOULD_BLOCK)
            break;
        if (result == SHM_MQ_DETACHED)
            return hang_up();
        answers_[++answered_] = std::string(static_cast<char *>(data), size);
    }
}

/// Sends what can be sent now. Raises no error, and allocates nothing.
void SessionWorker::send_some()
{
    shm_mq_result result = SHM_MQ_SUCCESS;
    while (segment_ && result == SHM_MQ_SUCCESS && !outbox_.empty()) {
        const std::string &message = outbox_.front();
        result = call([&] { return shm_mq_send(to_worker_, message.size(), message.data(), true, true); });
        if (result != SHM_MQ_WOULD_BLOCK)
            outbox_.pop_front();
    }
}

/// What was not answered never will be.
void SessionWorker::hang_up()
{
    if (segment_)
        call([&] { dsm_detach(segment_); });
    segment_ = nullptr;
    outbox_.clear();
    answered_ = asked_;
}

void SessionWorker::on_transaction_end(XactEvent event, void *worker) noexcept
{
    auto &self = *static_cast<SessionWorker *>(worker);
    const bool has_ended = event == XACT_EVENT_ABORT || event == XACT_EVENT_COMMIT || event == XACT_EVENT_PREPARE;
    if (!has_ended || self.at_end_.empty() || !self.segment_)
        return;
    self.outbox_.push_back(std::exchange(self.at_end_, {}));
    ++self.asked_;
    self.send_some();
}

// ---- the worker's end ---------------------------------------------------------------------------------------------

WorkerLine::WorkerLine(Datum segment)
{
    call([&] {
        pqsignal(SIGTERM, die);
        BackgroundWorkerUnblockSignals();
        segment_ = dsm_attach(DatumGetUInt32(segment));
        if (!segment_)
            return; // the session has ended
        auto *const in = reinterpret_cast<shm_mq *>(queue_in(segment_, to_worker));
        auto *const out = reinterpret_cast<shm_mq *>(queue_in(segment_, to_session));
        shm_mq_set_receiver(in, MyProc);
        shm_mq_set_sender(out, MyProc);
        from_session_ = shm_mq_attach(in, segment_, nullptr);
        to_session_ = shm_mq_attach(out, segment_, nullptr);
        const auto *const header = static_cast<Header *>(dsm_segment_address(segment_));
        BackgroundWorkerInitializeConnectionByOid(header->database, header->owner, connection_flags);
        pgstat_report_activity(STATE_IDLE, nullptr);
    });
    has_ended_ = !segment_;
}

Oid WorkerLine::owner() const
{
    return static_cast<Header *>(dsm_segment_address(segment_))->owner;
}

std::string WorkerLine::schema() const
{
    return static_cast<Header *>(dsm_segment_address(segment_))->schema;
}

std::optional<std::string> WorkerLine::receive(milliseconds at_most)
{
    const auto until = std::chrono::steady_clock::now() + at_most;
    while (!has_ended_) {
        Size size = 0;
        void *data = nullptr;
        const shm_mq_result result = call([&] {
            CHECK_FOR_INTERRUPTS();
            return shm_mq_receive(from_session_, &size, &data, true);
        });
        if (result == SHM_MQ_SUCCESS)
            return std::string(static_cast<char *>(data), size);
        has_ended_ = result == SHM_MQ_DETACHED;
        const auto left = std::chrono::ceil<milliseconds>(until - std::chrono::steady_clock::now());
        if (has_ended_ || left <= milliseconds(0))
            break;
        call([&] {
            WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, left.count(), PG_WAIT_EXTENSION);
            ResetLatch(MyLatch);
        });
    }
    return std::nullopt;
}

void WorkerLine::answer(const std::string &text)
{
    const shm_mq_result result = call([&] { return shm_mq_send(to_session_, text.size(), text.data(), false, true); });
    has_ended_ = has_ended_ || result == SHM_MQ_DETACHED;
}

} // namespace pg
