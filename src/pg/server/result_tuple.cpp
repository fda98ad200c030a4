#include "pg/server/result_tuple.hpp"

#include "core/error.hpp"

namespace pg {

namespace {

/// Values by the columns of the row type, in its order. They point into `values`.
std::vector<char *> in_column_order(TupleDesc columns, const RowValues &values)
{
    std::vector<char *> ordered(static_cast<std::size_t>(columns->natts), nullptr);
    for (int i = 0; i < columns->natts; ++i)
        for (const ColumnValue &value : values)
            if (value.text && value.name == NameStr(TupleDescAttr(columns, i)->attname))
                ordered[static_cast<std::size_t>(i)] = const_cast<char *>(value.text->c_str());
    return ordered;
}

/// Builds a row. Raises the server's error, as it does for a value that the database's encoding does not have.
HeapTuple build_tuple(AttInMetadata *attributes, char **cells)
{
    for (int i = 0; i < attributes->tupdesc->natts; ++i)
        if (cells[i])
            pg_verifymbstr(cells[i], static_cast<int>(strlen(cells[i])), false);
    return BuildTupleFromCStrings(attributes, cells);
}

} // namespace

Datum make_composite(FunctionCallInfo fcinfo, const RowValues &values)
{
    TupleDesc columns = nullptr;
    const TypeFuncClass kind = call([&] { return get_call_result_type(fcinfo, nullptr, &columns); });
    if (kind != TYPEFUNC_COMPOSITE)
        throw core::Error("0A000", "the function was called where a row cannot be returned", "",
                          "Call it as SELECT * FROM flex_sync_crew(…).");
    AttInMetadata *const attributes = call([&] { return TupleDescGetAttInMetadata(BlessTupleDesc(columns)); });
    std::vector<char *> ordered = in_column_order(columns, values);
    char **const cells = ordered.data();
    return call([&] { return HeapTupleGetDatum(build_tuple(attributes, cells)); });
}

ResultSet::ResultSet(FunctionCallInfo fcinfo)
{
    call([&] { InitMaterializedSRF(fcinfo, 0); });
    info_ = reinterpret_cast<ReturnSetInfo *>(fcinfo->resultinfo);
    attributes_ = call([&] { return TupleDescGetAttInMetadata(info_->setDesc); });
}

void ResultSet::add(const RowValues &values)
{
    std::vector<char *> ordered = in_column_order(info_->setDesc, values);
    char **const cells = ordered.data();
    call([&] {
        CHECK_FOR_INTERRUPTS();
        HeapTuple tuple = build_tuple(attributes_, cells);
        tuplestore_puttuple(info_->setResult, tuple);
        heap_freetuple(tuple);
    });
}

std::optional<std::string> text_argument(FunctionCallInfo fcinfo, int number)
{
    if (PG_ARGISNULL(number))
        return std::nullopt;
    const char *const value = call([&] { return text_to_cstring(PG_GETARG_TEXT_PP(number)); });
    return std::string(value);
}

std::optional<std::string> uuid_argument(FunctionCallInfo fcinfo, int number)
{
    if (PG_ARGISNULL(number))
        return std::nullopt;
    const char *const value =
        call([&] { return DatumGetCString(DirectFunctionCall1(uuid_out, PG_GETARG_DATUM(number))); });
    return std::string(value);
}

} // namespace pg
