#include "plot.hpp"
#include "statistics.hpp"

#include <cmath>

namespace bench {

namespace {

constexpr double width = 760, height = 460;
constexpr double left = 76, right = 100, top = 64, bottom = 62;

/// Between the ends of an axis and the first and the last size.
constexpr double inset = 36;

/// The one set of colours is for light, the other for dark pages.
constexpr const char *style = R"(
text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; fill: #52514e }
.page { fill: #fcfcfb }
.title { font-size: 16px; font-weight: 600; fill: #0b0b0b }
.grid { stroke: #e4e3df; stroke-width: 1 }
.axis { stroke: #a3a29c; stroke-width: 1 }
.curve { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round }
.value { font-size: 12px; text-anchor: middle; paint-order: stroke; stroke: #fcfcfb; stroke-width: 3px }
.name { font-weight: 600 }
.upper { stroke: #2a78d6 } .lower { stroke: #a3a29c }
circle.upper { fill: #2a78d6 } circle.lower { fill: #a3a29c }
circle { stroke-width: 0 }
@media (prefers-color-scheme: dark) {
  text { fill: #c3c2b7 }
  .page { fill: #1a1a19 }
  .title { fill: #ffffff }
  .grid { stroke: #32322f }
  .axis { stroke: #75746e }
  .value { stroke: #1a1a19 }
  .upper { stroke: #3987e5 } .lower { stroke: #8a8983 }
  circle.upper { fill: #3987e5 } circle.lower { fill: #8a8983 }
}
)";

/// Where the values of an axis lie between its ends.
struct Axis {
    double from, to;   ///< values
    double start, end; ///< on the page

    double at(double value) const
    {
        return start + (end - start) * (std::log10(value) - std::log10(from)) / (std::log10(to) - std::log10(from));
    }
};

double decade_below(double value)
{
    return std::pow(10, std::floor(std::log10(value)));
}

double decade_above(double value)
{
    return std::pow(10, std::ceil(std::log10(value)));
}

/// With a comma for the thousands; below a million.
std::string whole(double value)
{
    const std::string text = fixed(value, 0);
    if (text.size() <= 3)
        return text;
    return text.substr(0, text.size() - 3).append(",").append(text.substr(text.size() - 3));
}

std::string label(double milliseconds)
{
    return milliseconds < 10 ? fixed(milliseconds, 1) : whole(milliseconds);
}

std::string text(double x, double y, const std::string &attributes, const std::string &content)
{
    return "<text x=\"" + fixed(x, 1) + "\" y=\"" + fixed(y, 1) + "\" " + attributes + ">" + content + "</text>\n";
}

std::string line(double x1, double y1, double x2, double y2, const char *kind)
{
    return "<line x1=\"" + fixed(x1, 1) + "\" y1=\"" + fixed(y1, 1) + "\" x2=\"" + fixed(x2, 1) + "\" y2=\"" +
           fixed(y2, 1) + "\" class=\"" + kind + "\"/>\n";
}

/// A line at each decade of the times, and at each size.
std::string draw_axes(const std::vector<Point> &points, const Axis &x, const Axis &y)
{
    std::string svg;
    for (double value = y.from; value <= y.to * 1.001; value *= 10) {
        svg += line(left, y.at(value), width - right, y.at(value), value == y.from ? "axis" : "grid");
        svg += text(left - 10, y.at(value) + 4.5, "text-anchor=\"end\"", value < 1 ? fixed(value, 1) : whole(value));
    }
    for (const Point &point : points) {
        svg += line(x.at(point.size), y.end, x.at(point.size), y.start + 5, "grid");
        svg += text(x.at(point.size), y.start + 22, "text-anchor=\"middle\"", whole(point.size));
    }
    svg += text((x.start + x.end) / 2, height - 14, "text-anchor=\"middle\"", "contacts in the crew");
    const std::string middle = fixed((y.start + y.end) / 2, 1);
    svg += text(0, 0, "text-anchor=\"middle\" transform=\"translate(22 " + middle + ") rotate(-90)\"",
                "one sync, milliseconds");
    return svg;
}

std::string draw(const Curve &curve, const Axis &x, const Axis &y, bool is_upper)
{
    const std::string kind = is_upper ? "upper" : "lower";
    std::string path, marks;
    for (const Point &point : curve.points) {
        const double at_x = x.at(point.size), at_y = y.at(point.milliseconds);
        path += (path.empty() ? "M" : " L") + fixed(at_x, 1) + " " + fixed(at_y, 1);
        marks +=
            "<circle cx=\"" + fixed(at_x, 1) + "\" cy=\"" + fixed(at_y, 1) + "\" r=\"4\" class=\"" + kind + "\"/>\n";
        marks += text(at_x, is_upper ? at_y - 12 : at_y + 21, "class=\"value\"", label(point.milliseconds));
    }
    const Point &last = curve.points.back();
    marks += text(x.at(last.size) + inset + 8, y.at(last.milliseconds) + 4.5, "class=\"name\"", curve.name);
    return "<path d=\"" + path + "\" class=\"curve " + kind + "\"/>\n" + marks;
}

} // namespace

std::string plot(const std::string &title, const Curve &upper, const Curve &lower)
{
    double least = HUGE_VAL, most = 0;
    for (const Curve *curve : {&upper, &lower})
        for (const Point &point : curve->points) {
            least = std::min(least, point.milliseconds);
            most = std::max(most, point.milliseconds);
        }
    const Axis x{upper.points.front().size, upper.points.back().size, left + inset, width - right - inset};
    const Axis y{decade_below(least), decade_above(most), height - bottom, top};
    std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + fixed(width, 0) + " " +
                      fixed(height, 0) + "\" role=\"img\">\n<title>" + title + "</title>\n<style>" + style +
                      "</style>\n<rect width=\"100%\" height=\"100%\" rx=\"6\" class=\"page\"/>\n";
    svg += text(left, 34, "class=\"title\"", title);
    return svg + draw_axes(upper.points, x, y) + draw(lower, x, y, false) + draw(upper, x, y, true) + "</svg>\n";
}

} // namespace bench
