#pragma once
// Going on after a server error: the one helper that does it, in an internal subtransaction.

#include "core/error.hpp"

#include <exception>
#include <optional>
#include <string>

#include "pg/server/wall.hpp"

namespace pg {

/// A server error that a subtransaction has undone.
struct UndoneError {
    std::string sqlstate;
    std::string message;
};

/// An internal subtransaction, begun and ended step by step. Use `in_subtransaction`.
class Subtransaction {
public:
    Subtransaction();
    void commit();
    void roll_back();

    /// Takes the server's error off its stack and rolls back. Class 57 (cancelled, shut down) is thrown again as
    /// ServerError.
    UndoneError undo();

private:
    MemoryContext context_;
    ResourceOwner owner_;
};

/// How a subtransaction ends whose body raised nothing.
enum class Ending { Commit, RollBack };

/// Runs `body` in a subtransaction. A server error in it is undone and returned, all but class 57; a C++ exception
/// undoes it too and passes.
template <class Body> std::optional<UndoneError> in_subtransaction(Body &&body, Ending ending = Ending::Commit)
{
    Subtransaction subtransaction;
    try {
        body();
        if (ending == Ending::Commit)
            subtransaction.commit();
        else
            subtransaction.roll_back();
        return std::nullopt;
    } catch (const ServerError &) {
        // Handled below, when this handler has ended.
    } catch (const std::exception &) {
        subtransaction.roll_back();
        throw;
    }
    return subtransaction.undo();
}

/// The same, and an error of ours is returned like the server's: what ends one crew's sync ends no other's.
template <class Body> std::optional<UndoneError> in_subtransaction_of_crew(Body &&body)
{
    try {
        return in_subtransaction(body);
    } catch (const core::Error &error) {
        return UndoneError{.sqlstate = error.sqlstate(), .message = error.message()};
    }
}

/// A transaction of a process that is in none, such as a background worker. Use `in_transaction`.
class Transaction {
public:
    Transaction();
    void commit();

    /// Writes the server's error to its log and takes it off its stack; the transaction is aborted.
    UndoneError undo();
};

/// Runs `body` in a transaction. A server error in it, or at its commit, is undone and returned.
template <class Body> std::optional<UndoneError> in_transaction(Body &&body)
{
    Transaction transaction;
    try {
        body();
        transaction.commit();
        return std::nullopt;
    } catch (const ServerError &) {
        // Handled below, when this handler has ended.
    }
    return transaction.undo();
}

/// Whether a sync has begun to change Flex. Until then an error of the database ends it, and all is as it was; from
/// then on it is undone and thrown as core::DatabaseError, so that the sync can write down what it has done.
class Guard {
public:
    void raise() { is_up_ = true; }

    template <class Body> void run(Body &&body) const
    {
        if (!is_up_)
            return body();
        if (std::optional<UndoneError> error = in_subtransaction(body))
            throw core::DatabaseError(std::move(error->sqlstate), std::move(error->message));
    }

private:
    bool is_up_ = false;
};

} // namespace pg
