#include "pg/crew/command.hpp"

#include "pg/server/wall.hpp"

namespace pg {

namespace {

struct Command {
    LocalTransactionId transaction = InvalidLocalTransactionId;
    SubTransactionId subtransaction = InvalidSubTransactionId;
    CommandId id = InvalidCommandId;
    TimestampTz statement_start = 0;

    friend bool operator==(const Command &, const Command &) = default;
};

struct Kept {
    std::string key;
    SyncRow row;
};

/// The results of the last command that synced anything.
struct LastCommand {
    Command command;
    std::vector<Kept> results;
};

LastCommand &last_command()
{
    static auto *const last = new LastCommand;
    return *last;
}

/// The command that called us. Its snapshot is still the active one: our statements push theirs above it and pop them.
std::optional<Command> current_command()
{
    return call([]() -> std::optional<Command> {
        if (!ActiveSnapshotSet())
            return std::nullopt;
        return Command{my_local_transaction_id(), GetCurrentSubTransactionId(), GetActiveSnapshot()->curcid,
                       GetCurrentStatementStartTimestamp()};
    });
}

} // namespace

std::optional<SyncRow> result_in_command(const std::string &key)
{
    const std::optional<Command> command = current_command();
    LastCommand &last = last_command();
    if (!command || !(*command == last.command))
        return std::nullopt;
    for (const Kept &kept : last.results)
        if (kept.key == key)
            return kept.row;
    return std::nullopt;
}

void keep_for_command(const std::string &key, const SyncRow &row)
{
    const std::optional<Command> command = current_command();
    if (!command)
        return;
    LastCommand &last = last_command();
    if (!(*command == last.command))
        last = {*command, {}};
    for (const Kept &kept : last.results)
        if (kept.key == key)
            return;
    last.results.push_back({key, row});
    // The snapshot of this command is a copy, which keeps its id.
    call([] {
        GetCurrentCommandId(true);
        CommandCounterIncrement();
    });
}

} // namespace pg
