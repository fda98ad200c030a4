#pragma once
// The wall between C++ and the server, with one door each way: pg::call out of C++, FLEX_SYNC_FUNCTION into it. Rows
// come back in through pg::call_back.

#include <csetjmp>
#include <exception>
#include <functional>
#include <type_traits>

#include "pg/server/server.hpp"

namespace pg {

/// A server error that is parked on the server's own error stack until the wall throws it again. Deliberately no
/// std::exception: only the wall and the subtransaction helper may catch it, since a server error that is swallowed is
/// a PANIC of the cluster after the fifth.
struct ServerError {};

/// Calls the server. `function` captures by reference, holds no object with a destructor and returns a trivial type: a
/// server error leaves it by longjmp. Throws ServerError then; what it points to stays as it is for the wall.
template <class Function> auto call(Function &&function)
{
    using Result = std::invoke_result_t<Function>;
    static_assert(std::is_void_v<Result> || std::is_trivially_copyable_v<Result>,
                  "a longjmp would skip the result's destructor: build strings outside");
    static_assert(std::is_trivially_destructible_v<std::remove_reference_t<Function>>,
                  "capture by reference: a longjmp would skip the captures' destructors");

    sigjmp_buf *const outer_stack = PG_exception_stack;
    ErrorContextCallback *const outer_context = error_context_stack;
    sigjmp_buf here;
    if (sigsetjmp(here, 0) != 0) {
        PG_exception_stack = outer_stack;
        error_context_stack = outer_context;
        throw ServerError{};
    }
    PG_exception_stack = &here;
    if constexpr (std::is_void_v<Result>) {
        function();
        PG_exception_stack = outer_stack;
    } else {
        Result result = function();
        PG_exception_stack = outer_stack;
        return result;
    }
}

/// C++ that the server calls from within a `call`, through frames of its own that no exception may pass. Runs `body`,
/// and keeps what it throws for whoever made the call. False if it threw.
bool call_back(const std::function<void()> &body, std::exception_ptr &thrown) noexcept;

using Body = Datum (*)(FunctionCallInfo);

/// Runs the body of an entry point. Whatever it throws becomes the server's error, once all destructors have run.
Datum enter(FunctionCallInfo fcinfo, Body body);

/// The same for the main function of a background worker.
void enter_worker(Datum argument, void (*body)(Datum));

} // namespace pg

/// Defines an SQL-callable C function `name` that runs `body`. Its frame holds no object with a destructor.
#define FLEX_SYNC_FUNCTION(name, body)                                                                                 \
    extern "C" {                                                                                                       \
    PG_FUNCTION_INFO_V1(name);                                                                                         \
    Datum name(PG_FUNCTION_ARGS)                                                                                       \
    {                                                                                                                  \
        return pg::enter(fcinfo, body);                                                                                \
    }                                                                                                                  \
    }

/// Defines the main function `name` of a background worker, which runs `body`.
#define FLEX_SYNC_WORKER(name, body)                                                                                   \
    extern "C" {                                                                                                       \
    PGDLLEXPORT void name(Datum argument);                                                                             \
    void name(Datum argument)                                                                                          \
    {                                                                                                                  \
        pg::enter_worker(argument, body);                                                                              \
    }                                                                                                                  \
    }
