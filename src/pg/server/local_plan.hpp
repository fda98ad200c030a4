#pragma once
// Whether what a statement reads can change without a transaction of this server that ends.

#include "pg/server/wall.hpp"

namespace pg {

/// Whether the plan, as it was last executed, reads plain tables of this server and nothing else, through views and
/// partitions: no foreign table, no table that another extension reads in a way of its own (as that of Citus does), no
/// function that may look elsewhere. Where it cannot tell, it says no.
bool reads_local_tables_only(SPIPlanPtr plan);

} // namespace pg
