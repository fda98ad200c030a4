#pragma once
// SQL as this project uses it: text in, text out, statements prepared once per backend.

#include "core/ids.hpp"
#include "pg/server/text.hpp"

#include <chrono>
#include <cstring>
#include <exception>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "pg/server/wall.hpp"

namespace pg {

/// A parameter; none is NULL. All parameters are of type text, and are cast where they are used.
using Parameter = std::optional<std::string_view>;

/// A value where the server has it.
struct Cell {
    const char *data; ///< of a text its characters, of a UUID its bytes
    int length;       ///< -1: NULL
};

/// One row of a statement.
class Row {
public:
    explicit Row(const Cell *cells) : cells_(cells) {}

    /// The value of a column of type text; none is NULL.
    std::optional<std::string_view> at(std::size_t column) const
    {
        const Cell &cell = cells_[column];
        if (cell.length < 0)
            return std::nullopt;
        return std::string_view(cell.data, static_cast<std::size_t>(cell.length));
    }

    /// The value of a column of type uuid, which is not NULL.
    core::Uuid uuid(std::size_t column) const
    {
        core::Uuid uuid;
        std::memcpy(uuid.data(), cells_[column].data, uuid.size());
        return uuid;
    }

    /// An id; one that is NULL or empty is none.
    template <class Id> std::optional<Id> id(std::size_t column) const
    {
        const std::optional<std::string_view> text = at(column);
        return text && !text->empty() ? std::optional<Id>(*text) : std::nullopt;
    }

private:
    const Cell *cells_;
};

/// The rows of one statement, as long as the SPI connection lives.
class Rows {
public:
    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }

    /// The value of a column of type text; none is NULL.
    std::optional<std::string_view> at(std::size_t row, std::size_t column) const
    {
        return Row(cells_ + row * columns_).at(column);
    }

    /// The same, copied.
    std::optional<std::string> text(std::size_t row, std::size_t column) const
    {
        return std::optional<std::string>(at(row, column));
    }

    /// The number that a column of type text holds; none if it is NULL, or none.
    template <class Number> std::optional<Number> number(std::size_t row, std::size_t column) const
    {
        return number_in<Number>(at(row, column));
    }

private:
    /// Gives the rows back to the server, which raises nothing there. Where an exception unwinds the stack the server
    /// is not called: the abort cleans up.
    class Release {
    public:
        Release() noexcept : exceptions_(std::uncaught_exceptions()) {}
        void operator()(SPITupleTable *table) const noexcept;

    private:
        int exceptions_;
    };

    friend class Statements;
    /// Those that the last statement has left in SPI_tuptable; none if it returns no rows.
    static Rows of_last();

    std::unique_ptr<SPITupleTable, Release> table_;
    const Cell *cells_ = nullptr;
    std::size_t size_ = 0;
    std::size_t columns_ = 0;
};

/// As whom a statement runs.
struct Identity {
    enum class Kind {
        Caller, ///< the caller, under their own search_path: for writing the crew relations
        Reader, ///< the same with row_security = off: a policy is an error, never a smaller crew
        Owner,  ///< the owner of the extension's tables, under a pinned search_path
    };
    Kind kind = Kind::Caller;
    Oid owner = InvalidOid;
};

/// An SPI connection for one call of a function. It has no destructor that calls the server: after an error the abort
/// cleans up.
class Statements {
public:
    /// Whether the connection may end transactions, as only a procedure that was called on its own may.
    enum class Scope { WithinTransaction, AcrossTransactions };

    explicit Statements(Scope scope = Scope::WithinTransaction);
    void finish();

    /// From now on no statement waits for a lock longer than for half of what is left until then, nor longer than the
    /// session's own lock_timeout, so that one row that is locked leaves time for the others. None ends that.
    void wait_for_locks_until(std::optional<std::chrono::steady_clock::time_point> deadline) { deadline_ = deadline; }

    /// True once that moment has passed.
    bool is_late() const { return deadline_ && std::chrono::steady_clock::now() >= *deadline_; }

    /// Takes the lock on a table that writing it takes, until the end of the transaction. The name is qualified and
    /// quoted. Raises the server's error.
    void lock_for_writing(const std::string &table);

    /// Commits, and begins the next transaction. Nothing that the server lent (rows, locks) outlives it.
    void commit();

    /// Runs a statement, with a snapshot that shows all that has committed by now (READ COMMITTED). Raises the server's
    /// error.
    Rows run(const std::string &sql, std::span<const Parameter> parameters, const Identity &identity);
    Rows run(const std::string &sql, std::initializer_list<Parameter> parameters, const Identity &identity)
    {
        return run(sql, std::span(parameters.begin(), parameters.size()), identity);
    }

    /// The same for a statement that may return many rows: `take` gets each of them as the server finds it, and none is
    /// kept. It calls the server for nothing; what it throws ends the statement.
    void for_each(const std::string &sql, std::initializer_list<Parameter> parameters, const Identity &identity,
                  const std::function<void(const Row &)> &take);

    /// Whether the statement, as it was last run, read plain tables of this server and nothing else: what it reads
    /// then changes only when a transaction of this server ends.
    bool reads_local_tables_only(const std::string &sql) const;

    /// Runs one or more statements of DDL as the caller, without keeping a plan. Raises the server's error.
    void run_once(const std::string &sql);

private:
    int lock_timeout() const;

    std::optional<std::chrono::steady_clock::time_point> deadline_;
};

} // namespace pg
