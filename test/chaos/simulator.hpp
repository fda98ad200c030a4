#pragma once
// What a Flex simulator holds and was asked, for the checks.

#include "driver/simulator.hpp"
#include "text.hpp"

#include <optional>
#include <string>
#include <vector>

namespace chaos {

/// A line of Flex, whatever listings show.
struct Line {
    std::string id;
    std::optional<std::string> resource, type, role;
    bool is_hidden = false;

    bool is_contact() const { return type && lower(*type) == "contact"; }
    std::string text() const;

    friend bool operator==(const Line &, const Line &) = default;
};

/// A request as the simulator logged it.
struct Request {
    double began_ms, ended_ms;
    std::string kind, element, resource, token;
    std::vector<std::string> lines; ///< to be deleted
    std::string status;             ///< a number, or "dropped", "hung"
    bool has_acted;
};

class Simulator : public driver::Simulator {
public:
    using driver::Simulator::Simulator;

    /// The lines of an element, nested ones too.
    std::vector<Line> lines(const std::string &element);

    /// What was requested since the reset, oldest first.
    std::vector<Request> log();
};

} // namespace chaos
