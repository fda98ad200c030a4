// The decoder of an add's answer: an id that can be stored, or none.

#include "flex/added_line.hpp"
#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size)
{
    if (const auto line = flex::decode_added_line(fuzz::text_of(data, size))) {
        fuzz::require(!line->text().empty(), "an id is not empty");
        fuzz::require(fuzz::is_storable(line->text()), "an id can be stored");
    }
    return 0;
}
