#pragma once
// Lines to and from JSON: as the API lists them, as the control interface seeds and dumps them.

#include <optional>
#include <string>

#include "store.hpp"

namespace flexsim {

/// How one listing shows the lines.
struct View {
    Shape shape;
    bool half = false;                  ///< Only every second row.
    int lost_row = 0;                   ///< The row, counted from 1, that is left out; 0: none.
    std::optional<std::string> relabel; ///< The type shown for contacts; "" shows none.
};

/// The body of a listing: a JSON array of rows.
std::string write_listing(const Lines &lines, const View &view);

/// Reads a seeded line: a resource id, or an object (see --help). Throws BadRequest.
Line read_line(const Json &value);

/// Reads an array of seeded lines. Throws BadRequest.
Lines read_lines(const Json &value);

/// Changes the members of a line that the JSON object names. Throws BadRequest.
void read_line_members(Line &line, const Json &object);

/// Writes the lines as they are, whatever the listings show.
void write_dump(JsonWriter &writer, const Lines &lines);

} // namespace flexsim
