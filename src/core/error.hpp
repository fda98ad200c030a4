#pragma once
// An error that a user meets: the caller's mistake, or something that must not happen.

#include <exception>
#include <string>
#include <utility>

namespace core {

/// What went wrong, in the terms of SQL. One type for all (which of them is in the SQLSTATE), since nobody in between
/// handles one kind apart from the others; the wall turns it into the server's error.
class Error : public std::exception {
public:
    /// An internal error: XX000.
    explicit Error(std::string message, std::string detail = {})
        : Error("XX000", std::move(message), std::move(detail), {})
    {
    }

    Error(const char (&sqlstate)[6], std::string message, std::string detail, std::string hint)
        : sqlstate_(sqlstate), message_(std::move(message)), detail_(std::move(detail)), hint_(std::move(hint))
    {
    }

    const char *what() const noexcept override { return message_.c_str(); }

    const std::string &sqlstate() const { return sqlstate_; }
    const std::string &message() const { return message_; }
    const std::string &detail() const { return detail_; } ///< facts, full sentences; may be empty
    const std::string &hint() const { return hint_; }     ///< what to do, full sentences; may be empty

private:
    std::string sqlstate_;
    std::string message_;
    std::string detail_;
    std::string hint_;
};

/// The database refused something after a sync had begun to change Flex. It has been undone, and the sync goes on to
/// its end: what was done in Flex must not be forgotten for it.
class DatabaseError : public std::exception {
public:
    DatabaseError(std::string sqlstate, std::string message)
        : sqlstate_(std::move(sqlstate)), message_(std::move(message))
    {
    }

    const char *what() const noexcept override { return message_.c_str(); }

    const std::string &sqlstate() const { return sqlstate_; }
    const std::string &message() const { return message_; }

private:
    std::string sqlstate_;
    std::string message_;
};

/// The operating system's text for an error number.
std::string os_error_text(int error_number);

} // namespace core
