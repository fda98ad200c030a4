#pragma once
// How the crew calls of one CALL of flex_sync_all ended.

#include <algorithm>
#include <array>
#include <string>

namespace pg {

/// How many crew calls ended how.
class Counts {
public:
    void add(const std::string &status, int calls = 1) { counts_[place_of(status)] += calls; }

    int of(const std::string &status) const { return counts_[place_of(status)]; }

    int total() const
    {
        int total = 0;
        for (const int count : counts_)
            total += count;
        return total;
    }

    /// "117 ok, 2 partial, 1 failed"
    std::string text() const
    {
        std::string text;
        for (std::size_t i = 0; i < statuses.size(); ++i)
            if (counts_[i] > 0)
                text += (text.empty() ? "" : ", ") + std::to_string(counts_[i]) + " " + statuses[i];
        return text;
    }

private:
    static constexpr std::array<const char *, 6> statuses{"ok", "partial", "failed", "blocked", "busy", "deferred"};

    static std::size_t place_of(const std::string &status)
    {
        return static_cast<std::size_t>(std::find(statuses.begin(), statuses.end(), status) - statuses.begin());
    }

    std::array<int, statuses.size()> counts_{};
};

} // namespace pg
