#pragma once
// The crew of one element in the user's relations, and what the extension remembers of its lines.

#include "core/ports.hpp"
#include "pg/crew/relations.hpp"
#include "pg/server/own_tables.hpp"
#include "pg/server/subtransaction.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pg {

/// A crew call, as its relation shows it.
struct CrewCall {
    std::string id;
    std::optional<std::string> job = {};
    std::optional<std::string> department = {};
    std::optional<std::string> element = {}; ///< none, or empty: not in Flex
};

/// Reads one crew call. Throws P0002 if there is none with this id, and 55000 if it has no element.
CrewCall read_crew_call(Statements &statements, const CrewRelations &relations, const std::string &id);

/// A moment in the life of the crew relations: how many transactions of the server had ended, and how often this
/// backend had written a crew.
struct CrewMoment {
    std::uint64_t ended = 0;
    std::uint64_t written = 0;

    friend bool operator==(const CrewMoment &, const CrewMoment &) = default;
};

/// Every statement is bound to the calls of one element.
class CrewStore final : public core::CrewStore {
public:
    CrewStore(Statements &statements, CrewRelations relations, OwnTables own, std::string server,
              const core::ElementId &element);

    void guard() override;

    /// Runs what else is written for the sync under the same guard.
    template <class Body> void run_guarded(Body &&body) const { guard_.run(body); }

    core::Crew read() override;
    bool is_as_read() override;
    std::vector<core::KnownLine> read_known() override;
    std::vector<core::RowError> rehearse(std::span<const core::Assignment> gone,
                                         std::span<const core::Assignment> mapped) override;
    std::vector<core::RowError> write(std::span<const core::Assignment> gone,
                                      std::span<const core::Assignment> mapped) override;
    void remember(std::span<const core::KnownLine> known, std::span<const core::KnownLine> forgotten) override;

private:
    static CrewMoment now();
    /// How rows are written at one go.
    struct Attempt {
        Ending ending;
        bool frees_lines = false; ///< those that others of the rows are to get
    };

    std::vector<core::RowError> write_in(Ending ending, std::span<const core::Assignment> gone,
                                         std::span<const core::Assignment> mapped);
    std::vector<core::RowError> write_now(Attempt how, std::span<const core::Assignment> gone,
                                          std::span<const core::Assignment> mapped);
    std::optional<UndoneError> attempt(Attempt how, std::span<const core::Assignment> gone,
                                       std::span<const core::Assignment> mapped, std::vector<core::RowError> &errors);
    std::vector<std::vector<core::Assignment>> groups_of(std::span<const core::Assignment> mapped);
    std::vector<core::RowError> drop(std::span<const core::Assignment> rows);
    std::vector<core::RowError> upsert(std::span<const core::Assignment> rows);
    std::vector<core::RowError> read_suppressed(std::string_view sql, const std::string &json,
                                                std::span<const core::Assignment> rows, const char *message);
    std::string read_deferrable_constraints();
    void remember_now(std::span<const core::KnownLine> known, std::span<const core::KnownLine> forgotten);

    Statements &statements_;
    CrewRelations relations_;
    OwnTables own_;
    std::string server_;
    std::string element_; ///< canonical
    Guard guard_;
    std::string deferrable_; ///< constraints of the rows' relation that are checked at commit, as SQL lists them
    CrewMoment read_as_of_;
    bool is_local_ = false;        ///< the crew that was read is all of this server
    static std::uint64_t written_; ///< statements of this backend that wrote a crew
};

} // namespace pg
