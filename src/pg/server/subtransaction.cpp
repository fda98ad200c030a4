#include "pg/server/subtransaction.hpp"

#include <string_view>

namespace pg {

Subtransaction::Subtransaction() : context_(CurrentMemoryContext), owner_(CurrentResourceOwner)
{
    call([&] {
        BeginInternalSubTransaction(nullptr);
        MemoryContextSwitchTo(context_);
    });
}

void Subtransaction::commit()
{
    call([&] {
        ReleaseCurrentSubTransaction();
        MemoryContextSwitchTo(context_);
        CurrentResourceOwner = owner_;
    });
}

void Subtransaction::roll_back()
{
    call([&] {
        RollbackAndReleaseCurrentSubTransaction();
        MemoryContextSwitchTo(context_);
        CurrentResourceOwner = owner_;
    });
}

UndoneError Subtransaction::undo()
{
    ErrorData *const error = call([&] {
        MemoryContextSwitchTo(context_);
        ErrorData *const copy = CopyErrorData();
        FlushErrorState();
        return copy;
    });
    roll_back();
    if (ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
        call([&] { ReThrowError(error); });
    UndoneError undone{.sqlstate = unpack_sql_state(error->sqlerrcode),
                       .message = error->message ? error->message : ""};
    call([&] { FreeErrorData(error); });
    return undone;
}

Transaction::Transaction()
{
    call([] {
        SetCurrentStatementStartTimestamp();
        StartTransactionCommand();
        PushActiveSnapshot(GetTransactionSnapshot());
    });
}

void Transaction::commit()
{
    call([] {
        PopActiveSnapshot();
        CommitTransactionCommand();
    });
}

UndoneError Transaction::undo()
{
    ErrorData *const error = call([] {
        MemoryContextSwitchTo(TopMemoryContext);
        ErrorData *const copy = CopyErrorData();
        EmitErrorReport();
        FlushErrorState();
        AbortCurrentTransaction();
        return copy;
    });
    UndoneError undone{.sqlstate = unpack_sql_state(error->sqlerrcode),
                       .message = error->message ? error->message : ""};
    call([&] { FreeErrorData(error); });
    return undone;
}

} // namespace pg
