// The listing decoder: a listing is lines that can be worked with, or an error and nothing.

#include "flex/listing.hpp"
#include "fuzz.hpp"

#include <unordered_set>

namespace {

void check(const core::Line &line)
{
    fuzz::require(!line.id.text().empty(), "every line has an id");
    fuzz::require(fuzz::is_storable(line.id.text()), "an id can be stored");
    fuzz::require(line.id.text().size() <= core::max_id_bytes, "an id can be indexed");
    fuzz::require(!line.resource || fuzz::is_storable(line.resource->text()), "a resource can be stored");
    fuzz::require(!line.role || fuzz::is_storable(line.role->text()), "a role can be stored");
    fuzz::require(fuzz::is_storable(line.name), "a name can be stored");
    fuzz::require(fuzz::is_storable(line.type), "a type can be stored");
    fuzz::require(line.kind == core::LineKind::Other || line.type.empty(), "only another kind of line has a type");
}

} // namespace

int LLVMFuzzerTestOneInput(const unsigned char *data, std::size_t size)
{
    const flex::DecodedListing listing = flex::decode_listing(std::string(fuzz::text_of(data, size)));
    fuzz::require(!listing.error || listing.lines.empty(), "a listing with an error has no lines");
    fuzz::require(!listing.error || fuzz::is_storable(*listing.error), "an error can be logged");
    std::unordered_set<core::LineItemId> ids;
    for (const core::Line &line : listing.lines) {
        check(line);
        fuzz::require(ids.insert(line.id).second, "no id is there twice");
    }
    return 0;
}
