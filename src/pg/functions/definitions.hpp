#pragma once
// The relations that flex_sync_setup makes where there are none. They refer to nothing of the extension: DROP EXTENSION
// must neither be refused on their account nor take them along.

#include <span>
#include <string>
#include <string_view>

namespace pg {

// In each of them `$` stands for the quoted schema.

extern const char *const calls_table;
extern const char *const assignments_table;
extern const char *const desired_crew_table;

/// The desired crew of an application that keeps `job_assignments` and `profiles`: a technician belongs to a
/// department's call when their role for it is set or their profile's department is that one. `departments` are those
/// whose role is a column of job_assignments: `sound` has `sound_role`.
std::string desired_crew_view(std::span<const std::string_view> departments);

/// The business roles that the view looks up by department and the suffix of a role code.
extern const char *const business_roles_table;

/// Every call that has an element.
extern const char *const due_view;

/// The same, without calls of jobs that ended more than a day ago.
extern const char *const due_of_jobs_view;

/// The definition with the schema in its places.
std::string in_schema(std::string_view definition, const std::string &quoted_schema);

} // namespace pg
