#pragma once
// What the database can hold: its encoding, and texts that come from outside it.

#include <string>

namespace pg {

/// Throws 0A000 unless the database's encoding is UTF-8, which is Flex's: the same bytes would mean another id. The
/// first thing that a function which talks to Flex does.
void check_encoding();

/// Whether the database's encoding is UTF-8, and what it is called.
bool is_utf8();
const char *encoding_name();

/// Replaces what the database's encoding does not have, which no `text` may hold, and a dump of which could not be
/// restored: each such byte by a question mark. For texts that tell something; an id that is not valid is refused.
std::string storable(std::string text);

/// The same where the text stands, up to its end.
void make_storable(char *text) noexcept;

} // namespace pg
