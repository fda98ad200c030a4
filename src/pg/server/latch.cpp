#include "pg/server/latch.hpp"

#include "pg/server/wall.hpp"

namespace pg {

namespace {

WaitEvent listing{"FlexSyncList"};
WaitEvent change{"FlexSyncChange"};
WaitEvent repeat{"FlexSyncRepeat"};
WaitEvent journal{"FlexSyncJournal"};
WaitEvent confirmation{"FlexSyncConfirm"};

WaitEvent &event_of(flex::WaitFor what)
{
    switch (what) {
    case flex::WaitFor::Listing:
        return listing;
    case flex::WaitFor::Change:
        return change;
    case flex::WaitFor::Journal:
        return journal;
    case flex::WaitFor::Repeat:
        break;
    }
    return repeat;
}

/// One turn: until the latch is set, the descriptor (if any) is readable, or the time is up.
void wait_once(int descriptor, long at_most_ms, WaitEvent &event)
{
    const int events = WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH | (descriptor >= 0 ? WL_SOCKET_READABLE : 0);
    call([&] {
        WaitLatchOrSocket(MyLatch, events, descriptor, at_most_ms, wait_event_number(event));
        ResetLatch(MyLatch);
        CHECK_FOR_INTERRUPTS();
    });
}

void hear_interrupts()
{
    call([] { CHECK_FOR_INTERRUPTS(); });
}

} // namespace

void LatchWaiter::wait(int descriptor, std::chrono::milliseconds at_most, flex::WaitFor what)
{
    wait_once(descriptor, static_cast<long>(at_most.count()), event_of(what));
}

void LatchWaiter::check()
{
    hear_interrupts();
}

void LatchClock::check()
{
    hear_interrupts();
}

void LatchClock::wait(core::Milliseconds duration)
{
    const core::TimePoint end = now() + duration;
    for (auto left = duration; left > core::Milliseconds(0); left = std::chrono::ceil<core::Milliseconds>(end - now()))
        wait_once(PGINVALID_SOCKET, static_cast<long>(left.count()), confirmation);
}

} // namespace pg
