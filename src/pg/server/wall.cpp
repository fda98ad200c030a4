#include "pg/server/wall.hpp"

#include "core/error.hpp"
#include "pg/server/encoding.hpp"

#include <cstring>
#include <new>
#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace pg {

namespace {

/// An error in plain bytes, which a longjmp may pass.
struct Report {
    char sqlstate[6];
    char message[1024];
    char detail[2048];
    char hint[1024];
};

enum class End { Returned, ServerFailed, Threw };

/// Copies as much as fits, never half a character.
template <std::size_t size> void copy(char (&to)[size], const char *from) noexcept
{
    std::size_t length = strnlen(from, size);
    if (length == size) {
        length = size - 1;
        while (length > 0 && (static_cast<unsigned char>(from[length]) & 0xC0) == 0x80)
            --length;
    }
    std::memcpy(to, from, length);
    to[length] = '\0';
}

void fill(Report &report, const char *sqlstate, const char *message, const char *detail, const char *hint) noexcept
{
    copy(report.sqlstate, sqlstate);
    copy(report.message, message);
    copy(report.detail, detail);
    copy(report.hint, hint);
}

/// Catches everything. The handlers end before anything is reported: a longjmp out of a handler leaks the exception and
/// leaves the runtime in it.
template <class Run> End run(const Run &body, Report &report) noexcept
{
    try {
        body();
        return End::Returned;
    } catch (const ServerError &) {
        return End::ServerFailed;
    } catch (const core::Error &error) {
        fill(report, error.sqlstate().c_str(), error.message().c_str(), error.detail().c_str(), error.hint().c_str());
    } catch (const std::bad_alloc &) {
        fill(report, "53200", "out of memory", "", "");
    } catch (const std::exception &error) {
        fill(report, "XX000", error.what(), "", "");
    } catch (...) {
        fill(report, "XX000", "unexpected C++ exception", "", "");
    }
    return End::Threw;
}

/// Under PostgREST two codes that it would turn into HTTP status 500 take its own form.
void fit_to_postgrest(Report &report)
{
    const char *const method = GetConfigOption("request.method", true, false);
    if (!method || !*method)
        return;
    if (std::strcmp(report.sqlstate, "P0002") == 0)
        copy(report.sqlstate, "PT404");
    else if (std::strcmp(report.sqlstate, "55000") == 0)
        copy(report.sqlstate, "PT409");
}

/// malloc would keep most of what a crew of thousands took, for the life of the backend.
void give_memory_back() noexcept
{
#ifdef __GLIBC__
    constexpr std::size_t worth_keeping = std::size_t{4} << 20;
    if (mallinfo2().fordblks > worth_keeping)
        malloc_trim(0);
#endif
}

/// The error of what did not return.
void raise(End end, Report &report)
{
    if (end == End::Returned)
        return;
    if (end == End::ServerFailed)
        PG_RE_THROW();
    fit_to_postgrest(report);
    for (char *const text : {report.message, report.detail, report.hint})
        make_storable(text);
    ereport(ERROR,
            (errcode(MAKE_SQLSTATE(report.sqlstate[0], report.sqlstate[1], report.sqlstate[2], report.sqlstate[3],
                                   report.sqlstate[4])),
             errmsg_internal("%s", report.message), report.detail[0] ? errdetail_internal("%s", report.detail) : 0,
             report.hint[0] ? errhint("%s", report.hint) : 0));
}

} // namespace

bool call_back(const std::function<void()> &body, std::exception_ptr &thrown) noexcept
{
    try {
        body();
        return true;
    } catch (...) {
        thrown = std::current_exception();
        return false;
    }
}

Datum enter(FunctionCallInfo fcinfo, Body body)
{
    Datum result = 0;
    Report report;
    const End end = run([&] { result = body(fcinfo); }, report);
    give_memory_back();
    raise(end, report);
    return result;
}

void enter_worker(Datum argument, void (*body)(Datum))
{
    Report report;
    raise(run([&] { body(argument); }, report), report);
}

} // namespace pg
