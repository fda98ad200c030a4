#pragma once
// Numbers that follow from a seed alone, the same on every machine.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace chaos {

/// SplitMix64.
class Random {
public:
    explicit Random(std::uint64_t seed) : state_(seed) {}

    std::uint64_t next()
    {
        std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }

    /// From 0 to n - 1.
    int below(int n) { return static_cast<int>(next() % static_cast<std::uint64_t>(n)); }
    int between(int least, int most) { return least + below(most - least + 1); }
    bool chance(int percent) { return below(100) < percent; }

    template <class T> const T &pick(const std::vector<T> &values)
    {
        return values[static_cast<std::size_t>(below(static_cast<int>(values.size())))];
    }

    std::string pick(std::initializer_list<const char *> values)
    {
        return values.begin()[below(static_cast<int>(values.size()))];
    }

    std::string uuid()
    {
        constexpr std::string_view digits = "0123456789abcdef";
        std::string text = "xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx";
        for (char &c : text)
            if (c == 'x')
                c = digits[static_cast<std::size_t>(below(16))];
        return text;
    }

private:
    std::uint64_t state_;
};

} // namespace chaos
