#pragma once
// A plot of two curves over the size of a crew, both axes logarithmic, as SVG that needs nothing else.

#include <string>
#include <vector>

namespace bench {

struct Point {
    double size;
    double milliseconds;
};

struct Curve {
    std::string name;
    std::vector<Point> points; ///< by size
};

/// `upper` is labelled above its points, `lower` below.
std::string plot(const std::string &title, const Curve &upper, const Curve &lower);

} // namespace bench
