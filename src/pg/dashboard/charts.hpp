#pragma once
// The charts of the dashboard: SVG that stretches with the page, with its labels in HTML beside it, so that text keeps
// its size on a phone.

#include "pg/dashboard/data.hpp"

#include <span>
#include <string>

namespace pg {

/// Syncs by hour, as stacked bars: ok, blocked or deferred, failed or partial.
std::string runs_chart(std::span<const DashboardHour> hours);

/// Median and 95th percentile of the durations by hour, and the target.
std::string duration_chart(std::span<const DashboardHour> hours);

/// The numbers of both charts, for whoever reads them better.
std::string hours_table(std::span<const DashboardHour> hours);

} // namespace pg
