#pragma once
// The crew's relations in memory, one row a technician of a call, with others at work beside the sync.

#include "core/error.hpp"
#include "core/ports.hpp"
#include "crew_builder.hpp"
#include "fake_clock.hpp"

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace unit {

class FakeStore : public core::CrewStore {
    struct Noted {
        core::KnownLine line;
        core::TimePoint since;
    };

public:
    explicit FakeStore(FakeClock &clock) : clock_(clock) {}

    /// What a rollback brings back.
    struct Snapshot {
        std::map<std::string, core::Assignment> rows;
        std::map<std::string, Noted> memory;
    };
    Snapshot snapshot() const { return {rows_, memory_}; }
    void roll_back(Snapshot snapshot)
    {
        rows_ = std::move(snapshot.rows);
        memory_ = std::move(snapshot.memory);
    }

    void guard() override { is_guarded = true; }

    core::Crew read() override
    {
        ++reads;
        refuse("read");
        if (const auto event = before_read.find(reads); event != before_read.end())
            event->second();
        last_read_ = crew();
        return last_read_;
    }

    bool is_as_read() override
    {
        const core::Crew now = crew();
        return now.desired == last_read_.desired && now.rows == last_read_.rows && now.has_call == last_read_.has_call;
    }

    std::vector<core::KnownLine> read_known() override
    {
        std::vector<core::KnownLine> known;
        for (const auto &[key, noted] : memory_) {
            known.push_back(noted.line);
            known.back().age = std::chrono::duration_cast<core::Milliseconds>(clock_.now() - noted.since);
        }
        return known;
    }

    std::vector<core::RowError> write(std::span<const core::Assignment> gone,
                                      std::span<const core::Assignment> mapped) override
    {
        std::vector<core::RowError> errors;
        const auto is_refused = [&](const core::Assignment &row) {
            const auto refusal = refused.find(key_of(row));
            if (refusal != refused.end())
                errors.push_back({row, refusal->second, "the row is refused"});
            return refusal != refused.end();
        };
        for (const core::Assignment &row : gone)
            if (!is_refused(row))
                erase(row);
        for (const core::Assignment &row : mapped) {
            if (is_refused(row))
                continue;
            rows_.insert_or_assign(key_of(row), row);
            ++rows_written;
        }
        if (after_write)
            std::exchange(after_write, nullptr)();
        return errors;
    }

    std::vector<core::RowError> rehearse(std::span<const core::Assignment> gone,
                                         std::span<const core::Assignment> mapped) override
    {
        std::vector<core::RowError> errors;
        for (const std::span<const core::Assignment> rows : {gone, mapped})
            for (const core::Assignment &row : rows)
                if (const auto refusal = refused_early.find(key_of(row)); refusal != refused_early.end())
                    errors.push_back({row, refusal->second, "the row is refused"});
        return errors;
    }

    void remember(std::span<const core::KnownLine> known, std::span<const core::KnownLine> forgotten) override
    {
        refuse("remember");
        ++memory_writes;
        for (const core::KnownLine &line : forgotten)
            memory_.erase(key_of(line));
        for (const core::KnownLine &line : known)
            note(line, clock_.now() - line.age);
    }

    void note(const core::KnownLine &line, core::TimePoint since)
    {
        memory_.insert_or_assign(key_of(line), Noted{line, since});
    }

    void desires(const std::string &technician, const std::string &resource, const std::string &role = "",
                 const std::string &call = "A")
    {
        desired.push_back(Lists().desires(technician, resource, role, call).crew.desired.front());
    }

    /// The crew call is deleted, with all that goes with it.
    void loses_call()
    {
        has_call = false;
        desired.clear();
        rows_.clear();
    }

    void withdraws(const std::string &technician)
    {
        std::erase_if(desired,
                      [&](const core::DesiredMember &member) { return member.technician.text() == technician; });
    }

    void has_row(const std::string &technician, const std::string &line, const std::string &call = "A")
    {
        const core::Assignment row = Lists().has_row(technician, line, call).crew.rows.front();
        rows_.insert_or_assign(key_of(row), row);
    }

    void loses_row(const std::string &technician, const std::string &call = "A")
    {
        rows_.erase(call + "/" + technician);
    }

    /// "ann l1": the rows, by call and technician.
    Words rows() const
    {
        Words words;
        for (const auto &[key, row] : rows_)
            words.push_back((row.call.text() == "A" ? "" : row.call.text() + "/") + row.technician.text() + " " +
                            (row.line ? row.line->text() : "-"));
        return words;
    }

    /// "l1 r1 shown foh": what is remembered, by line; "lost r1" for an add whose outcome is unknown.
    Words memory() const
    {
        Words words;
        for (const auto &[key, noted] : memory_)
            words.push_back((noted.line.line ? noted.line.line->text() : "lost") + " " + noted.line.asked.text() +
                            (noted.line.was_shown ? " shown" : "") +
                            (noted.line.role_sent ? " " + noted.line.role_sent->text() : ""));
        return words;
    }

    const std::map<std::string, core::Assignment> &all_rows() const { return rows_; }

    bool has_call = true; ///< a crew call points at the element
    std::vector<core::DesiredMember> desired;
    std::map<std::string, std::string> refused;       ///< "A/ann": the SQLSTATE with which their row is refused
    std::map<std::string, std::string> refused_early; ///< the same, of a rehearsal
    std::map<int, std::function<void()>> before_read; ///< what others do before the nth read of the crew
    std::string broken; ///< what the database refuses once it is guarded: "read", "remember"
    bool is_guarded = false;
    std::function<void()> after_write; ///< what others do once rows are written; used up
    int reads = 0;
    int rows_written = 0;
    int rows_deleted = 0;
    int memory_writes = 0;

private:
    core::Crew crew() const
    {
        core::Crew crew{.desired = desired, .rows = {}, .has_call = has_call};
        for (const auto &[key, row] : rows_)
            crew.rows.push_back(row);
        return crew;
    }

    void refuse(const std::string &what) const
    {
        if (is_guarded && broken == what)
            throw core::DatabaseError("22012", "division by zero");
    }

    static std::string key_of(const core::Assignment &row) { return row.call.text() + "/" + row.technician.text(); }
    static std::string key_of(const core::KnownLine &line)
    {
        return line.line ? line.line->canonical() : "lost/" + line.asked.canonical();
    }

    /// Where the row still names the line that it named.
    void erase(const core::Assignment &row)
    {
        const auto found = rows_.find(key_of(row));
        if (found == rows_.end() || !(found->second == row))
            return;
        rows_.erase(found);
        ++rows_deleted;
    }

    core::Crew last_read_;
    FakeClock &clock_;
    std::map<std::string, core::Assignment> rows_;
    std::map<std::string, Noted> memory_;
};

} // namespace unit
