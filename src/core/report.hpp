#pragma once
// The end of a sync as it is told: what was done, what was not, and what somebody should look at.

#include "core/error.hpp"
#include "core/guards.hpp"
#include "core/picture.hpp"

#include <string>
#include <vector>

namespace core {

/// How a sync goes, beside what its ledger says.
struct Course {
    Start start = {};
    bool has_begun = false; ///< something was sent that changes Flex, or may have been
    int passes = 0;
    int requests = 0;                      ///< to Flex, repeats included
    bool is_confirmed = true;              ///< a whole listing has come since the last change
    bool is_stopped = false;               ///< by a guard, a limit or the database, after something was done
    std::vector<Diagnostic> failures = {}; ///< those that are no operation: rows, the closing listing, a guard
};

/// The result of a sync that has run: `ok` if nothing failed, else `partial`. Takes the operations out of the ledger.
SyncResult report(const Picture &picture, Ledger &ledger, const Course &course);

/// Something failed after the report was made.
void add_failure(SyncResult &result, Diagnostic failure);

/// The result of a sync that changed nothing, since no listing came or no request was left: `failed` or `deferred`.
SyncResult report_refusal(const Crew &crew, const Answer &answer, int requests);

/// The same where nothing points at the element any more: `failed`.
SyncResult report_gone_call(int requests);

/// The result of a sync that the guards do not let begin: `blocked`.
SyncResult report_block(const Picture &picture, const Ledger &ledger, std::string why, int requests);

/// What to say where the crew call went while it was synced.
Diagnostic gone_call();

/// What to say where the database refused something in the midst of a sync.
Diagnostic database_refusal(std::string_view action, const DatabaseError &error);

} // namespace core
