#pragma once
// Chance for tests, with a seed that is printed and can be given again: FLEX_SYNC_SEED.

#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <vector>

namespace unit {

inline unsigned long seed()
{
    static const unsigned long value = [] {
        const char *given = std::getenv("FLEX_SYNC_SEED");
        const unsigned long chosen = given ? std::strtoul(given, nullptr, 10) : std::random_device()();
        std::cout << "FLEX_SYNC_SEED=" << chosen << '\n';
        return chosen;
    }();
    return value;
}

class Random {
public:
    /// Each case has its own, so that one that fails can be looked at alone.
    explicit Random(unsigned long number) : engine_(seed() + number) {}

    int below(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(engine_); }
    bool chance(int percent) { return below(100) < percent; }
    template <class T> const T &one_of(const std::vector<T> &items)
    {
        return items[static_cast<std::size_t>(below(static_cast<int>(items.size())))];
    }
    std::mt19937_64 &engine() { return engine_; }

private:
    std::mt19937_64 engine_;
};

} // namespace unit
