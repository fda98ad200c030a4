#include "pg/server/statement.hpp"

#include "core/error.hpp"
#include "pg/server/local_plan.hpp"

#include <algorithm>
#include <array>
#include <climits>
#include <exception>
#include <unordered_map>

namespace pg {

namespace {

constexpr std::size_t max_parameters = 32;
constexpr std::size_t max_columns = 32;

/// Takes on the identity. What it changes is put back by `resign`, or by the (sub)transaction's abort.
struct Assumed {
    int guc_level = 0;
    Oid user = InvalidOid;
    int security_context = 0;
};

/// `lock_timeout` in milliseconds; 0 leaves the session's.
Assumed assume(const Identity &identity, int lock_timeout)
{
    Assumed before;
    GetUserIdAndSecContext(&before.user, &before.security_context);
    if (identity.kind == Identity::Kind::Caller && lock_timeout == 0)
        return before;
    before.guc_level = NewGUCNestLevel();
    if (lock_timeout > 0) {
        char text[16];
        snprintf(text, sizeof text, "%d", lock_timeout);
        set_config_option("lock_timeout", text, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
    }
    if (identity.kind == Identity::Kind::Caller)
        return before;
    if (identity.kind == Identity::Kind::Reader) {
        set_config_option("row_security", "off", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
    } else {
        SetUserIdAndSecContext(identity.owner, before.security_context | SECURITY_LOCAL_USERID_CHANGE);
        set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
                          false);
    }
    return before;
}

void resign(const Assumed &before)
{
    if (before.guc_level != 0)
        AtEOXact_GUC(true, before.guc_level); // what the user's triggers have set stays
    SetUserIdAndSecContext(before.user, before.security_context);
}

/// The plans of this backend, one for all values. They stay for its life, and the server plans them anew when a
/// relation or its statistics change.
std::unordered_map<std::string, SPIPlanPtr> &kept_plans()
{
    static auto *const plans = new std::unordered_map<std::string, SPIPlanPtr>;
    return *plans;
}

SPIPlanPtr prepared(const std::string &sql, std::span<const Parameter> parameters, const Identity &identity,
                    int lock_timeout)
{
    if (parameters.size() > max_parameters)
        throw core::Error("too many parameters for a statement");
    auto &plans = kept_plans();
    if (const auto found = plans.find(sql); found != plans.end())
        return found->second;
    std::array<Oid, max_parameters> types;
    types.fill(TEXTOID);
    const char *const text = sql.c_str();
    const SPIPlanPtr plan = call([&] {
        const Assumed before = assume(identity, lock_timeout);
        const SPIPlanPtr prepared =
            SPI_prepare_cursor(text, static_cast<int>(parameters.size()), types.data(), CURSOR_OPT_GENERIC_PLAN);
        if (prepared)
            SPI_keepplan(prepared);
        resign(before);
        return prepared;
    });
    if (!plan)
        throw core::Error("could not prepare a statement", SPI_result_code_string(SPI_result));
    plans.emplace(sql, plan);
    return plan;
}

/// A text of the server, of bytes that the database's encoding has. Raises 22021 for others: a dump of what holds them
/// cannot be restored.
Datum verified_text(std::string_view value)
{
    const auto length = static_cast<int>(value.size());
    pg_verify_mbstr(GetDatabaseEncoding(), value.data(), length, false);
    return PointerGetDatum(cstring_to_text_with_len(value.data(), length));
}

/// Calls `action`, as the identity, with parameters as SPI takes them.
auto with_values(std::span<const Parameter> parameters, const Identity &identity, int lock_timeout, const auto &action)
{
    return call([&] {
        Datum values[max_parameters];
        char nulls[max_parameters];
        for (std::size_t i = 0; i < parameters.size(); ++i) {
            const Parameter &parameter = parameters[i];
            nulls[i] = parameter ? ' ' : 'n';
            values[i] = parameter ? verified_text(*parameter) : static_cast<Datum>(0);
        }
        const Assumed before = assume(identity, lock_timeout);
        const auto result = action(values, nulls);
        resign(before);
        return result;
    });
}

/// Points at the values of a row where they are; only what is compressed is copied, into the current memory context.
void point_at(const Datum *values, const bool *is_null, TupleDesc columns, Cell *cells)
{
    for (int i = 0; i < columns->natts; ++i) {
        if (is_null[i]) {
            cells[i] = {nullptr, -1};
        } else if (TupleDescAttr(columns, i)->atttypid == UUIDOID) {
            cells[i] = {reinterpret_cast<const char *>(DatumGetUUIDP(values[i])->data), UUID_LEN};
        } else {
            const struct varlena *const string = DatumGetTextPP(values[i]);
            cells[i] = {VARDATA_ANY(string), static_cast<int>(VARSIZE_ANY_EXHDR(string))};
        }
    }
}

Cell *cells_of(const SPITupleTable *table, std::size_t rows, std::size_t columns)
{
    return call([&] {
        MemoryContext const outer = MemoryContextSwitchTo(table->tuptabcxt);
        auto *const cells =
            static_cast<Cell *>(MemoryContextAllocHuge(table->tuptabcxt, (rows * columns + 1) * sizeof(Cell)));
        Datum values[max_columns];
        bool is_null[max_columns];
        for (std::size_t row = 0; row < rows; ++row) {
            heap_deform_tuple(table->vals[row], table->tupdesc, values, is_null);
            point_at(values, is_null, table->tupdesc, cells + row * columns);
        }
        MemoryContextSwitchTo(outer);
        return cells;
    });
}

void check_columns(TupleDesc columns)
{
    for (int i = 0; i < columns->natts; ++i)
        if (const Oid type = TupleDescAttr(columns, i)->atttypid;
            i >= static_cast<int>(max_columns) || (type != TEXTOID && type != UUIDOID))
            throw core::Error("a statement returns columns that are not text, or too many");
}

/// Where the server's executor puts rows: each goes on to a function of C++.
class Receiver {
public:
    explicit Receiver(const std::function<void(const Row &)> &take)
        : server_{.base = {.receiveSlot = receive,
                           .rStartup = start,
                           .rShutdown = [](DestReceiver *) {},
                           .rDestroy = [](DestReceiver *) {},
                           .mydest = DestNone},
                  .self = this},
          take_(take)
    {
    }

    DestReceiver *receiver() { return &server_.base; }

    void rethrow() const
    {
        if (thrown_)
            std::rethrow_exception(thrown_);
    }

private:
    struct Server {
        DestReceiver base;
        Receiver *self;
    };

    static Receiver &of(DestReceiver *receiver) { return *reinterpret_cast<Server *>(receiver)->self; }

    static void start(DestReceiver *receiver, int, TupleDesc columns)
    {
        call_back([&] { check_columns(columns); }, of(receiver).thrown_);
    }

    /// False ends the statement. Nothing here has a destructor: the server may raise an error.
    static bool receive(TupleTableSlot *slot, DestReceiver *receiver)
    {
        Receiver &self = of(receiver);
        if (self.thrown_)
            return false;
        slot_getallattrs(slot);
        Cell cells[max_columns];
        point_at(slot->tts_values, slot->tts_isnull, slot->tts_tupleDescriptor, cells);
        return call_back([&] { self.take_(Row(cells)); }, self.thrown_);
    }

    Server server_;
    const std::function<void(const Row &)> &take_;
    std::exception_ptr thrown_;
};

/// While it lives, an error of insufficient privilege while the crew is read gets a hint: the server's own says what is
/// missing, or which policy hides rows, not what to do.
class ReadingHint {
public:
    explicit ReadingHint(const Identity &identity)
        : is_reading_(identity.kind == Identity::Kind::Reader), context_{error_context_stack, add, &is_reading_}
    {
        error_context_stack = &context_;
    }
    ~ReadingHint() { error_context_stack = context_.previous; }
    ReadingHint(const ReadingHint &) = delete;
    ReadingHint &operator=(const ReadingHint &) = delete;

private:
    static void add(void *is_reading)
    {
        if (*static_cast<bool *>(is_reading) && geterrcode() == ERRCODE_INSUFFICIENT_PRIVILEGE)
            errhint("Grant the missing privilege to the caller, or call flex_sync through a SECURITY DEFINER function "
                    "whose owner sees the whole crew; docs/supabase.md shows one.");
    }

    bool is_reading_;
    ErrorContextCallback context_;
};

} // namespace

Statements::Statements(Scope scope)
{
    const int options = scope == Scope::AcrossTransactions ? SPI_OPT_NONATOMIC : 0;
    if (call([&] { return SPI_connect_ext(options); }) != SPI_OK_CONNECT)
        throw core::Error("could not connect to the server programming interface");
}

void Statements::finish()
{
    call([] { SPI_finish(); });
}

void Statements::commit()
{
    call([] { SPI_commit(); });
}

Rows Statements::run(const std::string &sql, std::span<const Parameter> parameters, const Identity &identity)
{
    const ReadingHint hint(identity);
    const int timeout = lock_timeout();
    const SPIPlanPtr plan = prepared(sql, parameters, identity, timeout);
    const int code = with_values(parameters, identity, timeout, [&](Datum *values, const char *nulls) {
        return SPI_execute_plan(plan, values, nulls, false, 0);
    });
    if (code < 0)
        throw core::Error("could not execute a statement", SPI_result_code_string(code));
    return Rows::of_last();
}

void Statements::for_each(const std::string &sql, std::initializer_list<Parameter> parameters, const Identity &identity,
                          const std::function<void(const Row &)> &take)
{
    const ReadingHint hint(identity);
    const int timeout = lock_timeout();
    const SPIPlanPtr plan = prepared(sql, parameters, identity, timeout);
    Receiver receiver(take);
    const auto count = static_cast<int>(parameters.size());
    const int code = with_values(parameters, identity, timeout, [&](const Datum *values, const char *nulls) {
        SPIExecuteOptions options{};
        options.params = makeParamList(count);
        for (int i = 0; i < count; ++i)
            options.params->params[i] = {
                .value = values[i], .isnull = nulls[i] == 'n', .pflags = PARAM_FLAG_CONST, .ptype = TEXTOID};
        options.dest = receiver.receiver();
        return SPI_execute_plan_extended(plan, &options);
    });
    receiver.rethrow();
    if (code < 0)
        throw core::Error("could not execute a statement", SPI_result_code_string(code));
}

void Statements::lock_for_writing(const std::string &table)
{
    const char *const name = table.c_str();
    const int timeout = lock_timeout();
    call([&] {
        const Assumed before = assume({}, timeout);
        RangeVarGetRelid(makeRangeVarFromNameList(qualified_name_list(name)), RowExclusiveLock, false);
        resign(before);
    });
}

/// What a lock may be waited for, in milliseconds; 0: as long as the session says.
int Statements::lock_timeout() const
{
    if (!deadline_)
        return 0;
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(*deadline_ - std::chrono::steady_clock::now());
    const auto wait = static_cast<int>(std::clamp<std::int64_t>(left.count() / 2, 1, INT_MAX));
    return LockTimeout > 0 && LockTimeout <= wait ? 0 : wait;
}

bool Statements::reads_local_tables_only(const std::string &sql) const
{
    const auto plan = kept_plans().find(sql);
    return plan != kept_plans().end() && pg::reads_local_tables_only(plan->second);
}

void Statements::run_once(const std::string &sql)
{
    const char *const text = sql.c_str();
    const int timeout = lock_timeout();
    const int code = call([&] {
        const Assumed before = assume({}, timeout);
        const int result = SPI_execute(text, false, 0);
        resign(before);
        return result;
    });
    if (code < 0)
        throw core::Error("could not execute a statement", SPI_result_code_string(code));
}

Rows Rows::of_last()
{
    Rows rows;
    rows.table_.reset(SPI_tuptable);
    if (!rows.table_)
        return rows;
    check_columns(rows.table_->tupdesc);
    rows.size_ = SPI_processed;
    rows.columns_ = static_cast<std::size_t>(rows.table_->tupdesc->natts);
    rows.cells_ = cells_of(rows.table_.get(), rows.size_, rows.columns_);
    return rows;
}

void Rows::Release::operator()(SPITupleTable *table) const noexcept
{
    if (std::uncaught_exceptions() == exceptions_)
        SPI_freetuptable(table);
}

} // namespace pg
