#pragma once
// The control interface: what tests, demo and benchmarks tell the simulator (see --help).

#include <functional>
#include <map>
#include <string>

#include "faults.hpp"
#include "gate.hpp"
#include "request_log.hpp"
#include "settings.hpp"
#include "text.hpp"

namespace flexsim {

/// Thread-safe.
class Control {
public:
    Control(State &state, Faults &faults, RequestLog &log, Gate &gate, std::string token, int latency_ms);

    /// Answers a request to /control/{name}: 400 for a bad body, 404 for an unknown name, both with
    /// {"error": message}.
    Answer serve(const std::string &method, const std::string &name, const std::string &query, const std::string &body);

private:
    using Handler = std::string (Control::*)(const Json &body, const Form &query);

    std::string reset(const Json &, const Form &);
    std::string seed(const Json &body, const Form &);
    std::string add_row(const Json &body, const Form &);
    std::string delete_line(const Json &body, const Form &);
    std::string set_line(const Json &body, const Form &);
    std::string dump(const Json &, const Form &query);
    std::string log_entries(const Json &, const Form &query);
    std::string counts(const Json &, const Form &);
    std::string clear_log(const Json &, const Form &);
    std::string show_config(const Json &, const Form &);
    std::string set_config(const Json &body, const Form &);
    std::string show_faults(const Json &, const Form &);
    std::string add_faults(const Json &body, const Form &);
    std::string clear_faults(const Json &, const Form &);
    std::string held(const Json &, const Form &query);
    std::string release(const Json &body, const Form &);

    static const std::map<std::string, Handler> &handlers();
    void restore_state();

    State &state_;
    Faults &faults_;
    RequestLog &log_;
    Gate &gate_;
    const std::string token_;
    const int latency_ms_;
};

} // namespace flexsim
