#pragma once
// Results on their way out: composite values and result sets, filled by column name.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pg/server/wall.hpp"

namespace pg {

/// A column's value in text form; none is NULL.
struct ColumnValue {
    std::string_view name;
    std::optional<std::string> text;
};

using RowValues = std::vector<ColumnValue>;

/// A composite Datum of the function's declared result type. Columns are found by name: those that are not named, or
/// that another version of the SQL objects has not, are NULL or left out.
Datum make_composite(FunctionCallInfo fcinfo, const RowValues &values);

/// Materialises rows as the function's result set.
class ResultSet {
public:
    explicit ResultSet(FunctionCallInfo fcinfo);
    void add(const RowValues &values);

private:
    ReturnSetInfo *info_;
    AttInMetadata *attributes_;
};

/// The argument as text; none if it is NULL.
std::optional<std::string> text_argument(FunctionCallInfo fcinfo, int number);
std::optional<std::string> uuid_argument(FunctionCallInfo fcinfo, int number);

} // namespace pg
