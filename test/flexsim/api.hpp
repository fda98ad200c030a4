#pragma once
// The Flex API below the base path, faults included.

#include <cstdint>

#include "call.hpp"
#include "faults.hpp"
#include "gate.hpp"
#include "request_log.hpp"
#include "rows.hpp"
#include "settings.hpp"

namespace flexsim {

/// Thread-safe: serve() runs for many calls at once.
class Api {
public:
    Api(State &state, Faults &faults, RequestLog &log, Gate &gate)
        : state_(state), faults_(faults), log_(log), gate_(gate)
    {
    }

    /// Answers a call, logging it. Returns only after all delays and holds.
    Answer serve(Call &call);

private:
    Answer run(const Call &call, const Action &action, std::uint64_t ordinal);
    bool wait(const Call &call, const Action &action, Moment moment, std::uint64_t ordinal);
    void identify(Call &call);
    int latency_of(const Call &call);
    Answer act(const Call &call, const Action &action);
    void disguise(Answer &answer, const Action &action);

    Answer list(const Call &call, const Action &action);
    Answer add(const Call &call, const Action &action);
    Answer set_role(const Call &call);
    Answer remove(const Call &call);
    Answer bulk_remove(const Call &call);

    State &state_;
    Faults &faults_;
    RequestLog &log_;
    Gate &gate_;
};

} // namespace flexsim
