// Retry-After: whatever the header says, the wait is none, or from 0 to 30 days.

#include "flex/retry_after.hpp"
#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size)
{
    using namespace std::chrono;
    const std::string text(fuzz::text_of(data, size));
    for (const seconds now : {seconds(0), seconds(1'790'000'000), seconds(9'000'000'000)}) {
        const auto wait = flex::parse_retry_after(text, system_clock::time_point(now));
        if (!wait)
            continue;
        fuzz::require(*wait >= milliseconds(0), "a wait is not negative");
        fuzz::require(*wait <= hours(30 * 24), "a wait is 30 days at most");
        fuzz::require(!text.empty(), "no text is no wait");
    }
    return 0;
}
