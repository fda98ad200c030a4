#pragma once
// What a response means: the one place that decides between done, refused and unknown.

#include "core/ports.hpp"
#include "flex/transfer.hpp"

namespace flex {

/// The outcome of a request by flex-api's table ("What an outcome means"), with a code and a sentence that a person can
/// act on. `is_delete`: 404 means that the line was gone already, which is what we wanted.
core::Answer answer_of(const Response &response, bool is_delete = false);

/// The answer for a request that the deadline left no time for.
core::Answer unsent_answer();

/// The answer for an add whose intent the journal did not take.
core::Answer unrecorded_answer();

} // namespace flex
