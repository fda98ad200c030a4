#pragma once
// SQL as this project uses it: text in, text out, statements prepared once per backend.

#include "pg/wall.hpp"

#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace pg {

/// A parameter; none is NULL. All parameters are of type text, and are cast where they are used.
using Parameter = std::optional<std::string_view>;

/// The rows of one statement. They live until `release`, or the end of the SPI connection.
class Rows {
public:
    struct Cell {
        const char *data;
        int length; ///< -1: NULL
    };

    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }

    /// A value; none is NULL. Every column is of type text.
    std::optional<std::string_view> at(std::size_t row, std::size_t column) const
    {
        const Cell &cell = cells_[row * columns_ + column];
        if (cell.length < 0)
            return std::nullopt;
        return std::string_view(cell.data, static_cast<std::size_t>(cell.length));
    }

    void release();

private:
    friend class Statements;
    SPITupleTable *table_ = nullptr;
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

    /// Commits, and begins the next transaction. Nothing that the server lent (rows, locks) outlives it.
    void commit();

    /// Runs a statement, with a snapshot that shows all that has committed by now (READ COMMITTED). Raises the server's
    /// error.
    Rows run(const std::string &sql, std::initializer_list<Parameter> parameters, const Identity &identity);

    /// Runs one or more statements of DDL as the caller, without keeping a plan. Raises the server's error.
    void run_once(const std::string &sql);
};

/// The name in double quotes, whatever it is.
std::string quoted_identifier(std::string_view name);

} // namespace pg
