#pragma once
// Who can sync a crew, as the benchmarks compare them.

#include "floor.hpp"

#include <memory>
#include <string>

namespace bench {

class Side {
public:
    explicit Side(CrewCall crew_call) : call(crew_call) {}
    virtual ~Side() = default;

    /// Makes Flex and the rows agree. The scenario says what there is to do; only the floor may look at it.
    virtual void sync(const Scenario &scenario) = 0;

    /// The crew call that this side works on.
    const CrewCall call;
};

/// `SELECT * FROM flex_sync_crew($1)`.
std::unique_ptr<Side> make_flex_sync_side(CrewCall call);

std::unique_ptr<Side> make_floor_side(CrewCall call, const std::string &base_url, int max_parallel);

/// peers/edge.js, which the command starts.
std::unique_ptr<Side> make_edge_side(CrewCall call, const std::string &command);

/// peers/python_sync.sql.
std::unique_ptr<Side> make_python_side(CrewCall call, const std::string &base_url);

} // namespace bench
