#include "pg/statement.hpp"

#include "core/error.hpp"

#include <array>
#include <unordered_map>

namespace pg {

namespace {

constexpr std::size_t max_parameters = 12;

/// Adds a hint to an error of insufficient privilege while the crew is read: the server's own says what is missing, or
/// which policy hides rows, not what to do.
void hint_at_privileges(void *is_reading)
{
    if (*static_cast<bool *>(is_reading) && geterrcode() == ERRCODE_INSUFFICIENT_PRIVILEGE)
        errhint("Grant the missing privilege to the caller, or call flex_sync through a SECURITY DEFINER function "
                "whose owner sees the whole crew; docs/supabase.md shows one.");
}

/// Takes on the identity. What it changes is put back by `resign`, or by the (sub)transaction's abort.
struct Assumed {
    int guc_level = 0;
    Oid user = InvalidOid;
    int security_context = 0;
};

Assumed assume(const Identity &identity)
{
    Assumed before;
    GetUserIdAndSecContext(&before.user, &before.security_context);
    if (identity.kind == Identity::Kind::Caller)
        return before;
    before.guc_level = NewGUCNestLevel();
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
        AtEOXact_GUC(false, before.guc_level);
    SetUserIdAndSecContext(before.user, before.security_context);
}

/// The plans of this backend, one for all values. They stay for its life, and the server plans them anew when a
/// relation or its statistics change.
SPIPlanPtr prepared(const std::string &sql, std::size_t parameter_count, const Identity &identity)
{
    static auto *const plans = new std::unordered_map<std::string, SPIPlanPtr>;
    if (const auto found = plans->find(sql); found != plans->end())
        return found->second;
    std::array<Oid, max_parameters> types;
    types.fill(TEXTOID);
    const char *const text = sql.c_str();
    const SPIPlanPtr plan = call([&] {
        const Assumed before = assume(identity);
        const SPIPlanPtr prepared =
            SPI_prepare_cursor(text, static_cast<int>(parameter_count), types.data(), CURSOR_OPT_GENERIC_PLAN);
        if (prepared)
            SPI_keepplan(prepared);
        resign(before);
        return prepared;
    });
    if (!plan)
        throw core::Error("could not prepare a statement", SPI_result_code_string(SPI_result));
    plans->emplace(sql, plan);
    return plan;
}

int execute(SPIPlanPtr plan, std::span<const Parameter> parameters, const Identity &identity)
{
    return call([&] {
        Datum values[max_parameters];
        char nulls[max_parameters];
        for (std::size_t i = 0; i < parameters.size(); ++i) {
            const Parameter &parameter = parameters[i];
            nulls[i] = parameter ? ' ' : 'n';
            values[i] =
                parameter
                    ? PointerGetDatum(cstring_to_text_with_len(parameter->data(), static_cast<int>(parameter->size())))
                    : static_cast<Datum>(0);
        }
        const Assumed before = assume(identity);
        const int code = SPI_execute_plan(plan, values, nulls, false, 0);
        resign(before);
        return code;
    });
}

/// Points at the values where they are; only what is compressed is copied.
Rows::Cell *cells_of(const SPITupleTable *table, std::size_t rows, std::size_t columns)
{
    return call([&] {
        MemoryContext const outer = MemoryContextSwitchTo(table->tuptabcxt);
        auto *const cells = static_cast<Rows::Cell *>(
            MemoryContextAllocHuge(table->tuptabcxt, (rows * columns + 1) * sizeof(Rows::Cell)));
        Rows::Cell *cell = cells;
        for (std::size_t row = 0; row < rows; ++row)
            for (std::size_t column = 1; column <= columns; ++column) {
                bool is_null = false;
                const Datum value = SPI_getbinval(table->vals[row], table->tupdesc, static_cast<int>(column), &is_null);
                const struct varlena *const string = is_null ? nullptr : DatumGetTextPP(value);
                *cell++ = string ? Rows::Cell{VARDATA_ANY(string), static_cast<int>(VARSIZE_ANY_EXHDR(string))}
                                 : Rows::Cell{nullptr, -1};
            }
        MemoryContextSwitchTo(outer);
        return cells;
    });
}

bool all_are_text(TupleDesc columns)
{
    for (int i = 0; i < columns->natts; ++i)
        if (TupleDescAttr(columns, i)->atttypid != TEXTOID)
            return false;
    return true;
}

/// Puts a callback on the server's error context stack while it lives.
class ErrorContext {
public:
    explicit ErrorContext(void (*callback)(void *), void *argument) : context_{error_context_stack, callback, argument}
    {
        error_context_stack = &context_;
    }
    ~ErrorContext() { error_context_stack = context_.previous; }
    ErrorContext(const ErrorContext &) = delete;
    ErrorContext &operator=(const ErrorContext &) = delete;

private:
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

Rows Statements::run(const std::string &sql, std::initializer_list<Parameter> parameters, const Identity &identity)
{
    if (parameters.size() > max_parameters)
        throw core::Error("too many parameters for a statement");
    bool is_reading = identity.kind == Identity::Kind::Reader;
    const ErrorContext hint(hint_at_privileges, &is_reading);
    const SPIPlanPtr plan = prepared(sql, parameters.size(), identity);
    const int code = execute(plan, {parameters.begin(), parameters.size()}, identity);
    if (code < 0)
        throw core::Error("could not execute a statement", SPI_result_code_string(code));
    Rows rows;
    rows.table_ = SPI_tuptable;
    if (!rows.table_)
        return rows;
    if (!all_are_text(rows.table_->tupdesc))
        throw core::Error("a statement returns a column that is not text");
    rows.size_ = SPI_processed;
    rows.columns_ = static_cast<std::size_t>(rows.table_->tupdesc->natts);
    rows.cells_ = cells_of(rows.table_, rows.size_, rows.columns_);
    return rows;
}

void Statements::run_once(const std::string &sql)
{
    const char *const text = sql.c_str();
    const int code = call([&] { return SPI_execute(text, false, 0); });
    if (code < 0)
        throw core::Error("could not execute a statement", SPI_result_code_string(code));
}

void Rows::release()
{
    call([&] { SPI_freetuptable(table_); });
    table_ = nullptr;
    size_ = 0;
}

std::string quoted_identifier(std::string_view name)
{
    std::string quoted = "\"";
    for (const char c : name) {
        if (c == '"')
            quoted += '"';
        quoted += c;
    }
    return quoted + '"';
}

} // namespace pg
