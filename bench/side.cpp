#include "side.hpp"
#include "driver/program.hpp"
#include "syncing.hpp"

#include <stdexcept>

namespace bench {

namespace {

class FlexSyncSide : public Side {
public:
    using Side::Side;

    void sync(const Scenario &) override { syncing_.sync(call); }

private:
    Syncing syncing_;
};

class FloorSide : public Side {
public:
    FloorSide(CrewCall crew_call, const std::string &base_url, int max_parallel)
        : Side(crew_call), floor_(database_, base_url, max_parallel)
    {
    }

    void sync(const Scenario &scenario) override { floor_.sync(call, scenario); }

private:
    driver::Session database_;
    Floor floor_;
};

class EdgeSide : public Side {
public:
    EdgeSide(CrewCall crew_call, const std::string &command) : Side(crew_call), edge_(command) {}

    /// Whoever it drops as stale it adds no sooner than the next time: it takes two syncs then.
    void sync(const Scenario &scenario) override
    {
        const int times = scenario.dropped.size() > 0 ? 2 : 1;
        for (int i = 0; i < times; ++i)
            if (const std::string answer = edge_.ask(call.id()); answer != "ok")
                throw std::runtime_error("the edge function: " + answer);
    }

private:
    driver::Program edge_;
};

class PythonSide : public Side {
public:
    PythonSide(CrewCall crew_call, const std::string &base_url) : Side(crew_call), base_url_(base_url)
    {
        database_.prepare("sync", "SELECT python_sync($1, $2, $3)");
    }

    void sync(const Scenario &) override { database_.run_prepared("sync", {call.id(), base_url_, token}); }

private:
    driver::Session database_;
    std::string base_url_;
};

} // namespace

std::unique_ptr<Side> make_flex_sync_side(CrewCall call)
{
    return std::make_unique<FlexSyncSide>(call);
}

std::unique_ptr<Side> make_floor_side(CrewCall call, const std::string &base_url, int max_parallel)
{
    return std::make_unique<FloorSide>(call, base_url, max_parallel);
}

std::unique_ptr<Side> make_edge_side(CrewCall call, const std::string &command)
{
    return std::make_unique<EdgeSide>(call, command);
}

std::unique_ptr<Side> make_python_side(CrewCall call, const std::string &base_url)
{
    return std::make_unique<PythonSide>(call, base_url);
}

} // namespace bench
