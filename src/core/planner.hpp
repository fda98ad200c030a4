#pragma once
// The working state of one plan() call: who desires which resource, which contact serves it, and what is left over.

#include "core/plan.hpp"

#include <array>
#include <cstddef>
#include <unordered_map>
#include <unordered_set>

namespace core {

/// A plan in the making.
class Draft {
public:
    void put(const Step &step) { steps_[static_cast<std::size_t>(step.action)].push_back(step); }
    void note(Action action, std::string code, std::string message, const Step &about);

    /// The steps in the order of their actions, which is that of carrying them out. Leaves nothing.
    Plan finish();

private:
    static constexpr std::size_t action_count = static_cast<std::size_t>(Action::Skip) + 1;

    std::array<std::vector<Step>, action_count> steps_;
    Plan plan_;
};

/// Calls a function every few thousand times.
class Breath {
public:
    explicit Breath(const std::function<void()> &check) : check_(check) {}
    void take();

private:
    const std::function<void()> &check_; ///< may be empty
    std::size_t taken_ = 0;
};

class Planner {
public:
    Planner(const Crew &crew, std::span<const Line> lines, std::span<const KnownLine> known, Prune prune,
            const std::function<void()> &check);

    Plan run();

private:
    static constexpr std::size_t none = static_cast<std::size_t>(-1);

    /// Which of several contacts of one resource stays: the lowest, then the first listed.
    enum class Rank { NamedByMember, Named, Contact, Untyped, NotShown };

    /// A line that may serve a resource: one of the listing, or one that Flex accepted and has not shown yet.
    struct Candidate {
        const LineItemId *id = nullptr;
        const Line *listed = nullptr;
        const KnownLine *known = nullptr;
        const ResourceId *resource = nullptr; ///< the one that it counts as
        std::size_t group = none;             ///< of that resource, if somebody on the crew has it
        bool is_named = false;
        bool is_named_by_member = false;
        bool is_chosen = false;
        bool is_removed = false;
    };

    /// All that concerns one resource that somebody on the crew has.
    struct Group {
        const ResourceId *resource = nullptr;
        std::size_t chosen = none;
        const BusinessRoleId *role = nullptr;
        const DesiredMember *role_member = nullptr;
        bool roles_differ = false;
        bool is_added = false;
    };

    /// A technician of a call, once, however often the relation lists them.
    struct Member {
        const DesiredMember *desired = nullptr;
        const ResourceId *resource = nullptr;
        const BusinessRoleId *role = nullptr;
        const Assignment *row = nullptr;
        std::size_t line = none; ///< the candidate that the row names
        std::size_t group = none;
        Reason problem = Reason::NoResource;
        bool roles_differ = false;
    };

    /// What is there under the id of a line.
    struct Place {
        const KnownLine *known = nullptr;
        std::size_t candidate = none;
        bool is_other = false; ///< the line is no contact
    };

    /// What is known and listed, by id.
    struct Index {
        std::unordered_map<LineItemId, Place> places = {};
        std::unordered_set<ResourceId> lost_adds = {}; ///< with an add whose outcome is unknown
    };

    /// The groups, and each resource's place among them.
    struct Groups {
        std::vector<Group> list = {};
        std::unordered_map<ResourceId, std::size_t> places = {};
    };

    void index_known();
    void index_lines();
    void collect_members();
    void merge(Member &member, const DesiredMember &again);
    void judge_resource(Member &member);
    void note_unclear(const ResourceId &resource);
    void attach_rows();
    void join_groups();
    void choose_contacts();
    void choose_unmarked_contacts();

    void plan_rows_of_others();
    void plan_member(Member &member);
    void plan_roles();
    void plan_unnamed(const Candidate &candidate);
    void plan_superseded(const Candidate &candidate);

    const ResourceId *resource_of(const Line &line, const KnownLine *known) const;
    Place place_of(const LineItemId &line) const;
    std::size_t candidate_of(const Assignment &row) const;
    std::size_t group_of(const ResourceId *resource) const;
    std::size_t make_group(const ResourceId &resource);
    Rank rank_of(const Candidate &candidate) const;
    bool is_ours(const Candidate &candidate) const;
    bool is_left_to_others(const Candidate &candidate) const;
    bool role_is_known_sent(const Candidate &candidate, const BusinessRoleId &role) const;

    void forget(const Assignment &row, Reason reason);
    void forget_if_stale(const Member &member);
    void remove(Candidate &candidate, const Assignment &row, Reason reason, bool drops_row);
    void keep(Member &member, Candidate &candidate);
    void adopt(const Member &member, const Candidate *candidate, const ResourceId &resource);
    void add(const Member &member, Group &group);
    void skip(const Member &member);
    void note_spelling(const Candidate &candidate);

    const Crew &crew_;
    std::span<const Line> lines_;
    std::span<const KnownLine> known_;
    Prune prune_;
    Breath breath_;

    Index index_;
    std::unordered_set<ResourceId> unclear_; ///< resources that a skipped technician may mean
    std::vector<Candidate> candidates_;
    std::vector<Member> members_; ///< by call and technician
    std::vector<const Assignment *> rows_of_others_;
    Groups groups_;
    Draft draft_;
};

} // namespace core
