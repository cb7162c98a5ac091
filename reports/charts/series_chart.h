// Values in the order of time as inline SVG: nights with their control limits, days, looks.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace peira::reports {

struct SeriesPoint {
  enum class Mark { kPlain, kAlarm, kBetter, kFaint };
  std::string label;                                    // "2026-11-26"
  std::optional<double> value;                          // empty: a gap
  std::optional<double> low, high;                      // its interval
  std::optional<double> center, limit_low, limit_high;  // where it lies when nothing changes
  Mark mark = Mark::kPlain;
  std::string note = {};  // shown on pointing: "dropped"
};

// Where something changed: a line at a point, within the points between which it lies.
struct SeriesEvent {
  std::size_t at = 0, first = 0, last = 0;  // indices of points
  std::string label;                        // one word or two, written at the line
  std::string note = {};                    // shown on pointing, read out
};

struct SeriesChartOptions {
  std::string id;                 // unique in the page
  std::string title;              // read out, shown as a tool tip
  bool as_share = false;          // of 1, shown in per cent
  bool as_difference = false;     // signed, with a line at zero
  bool interval_is_band = false;  // intervals as a band: a confidence sequence
  std::vector<SeriesEvent> events = {};
};

// At least one point; an axis wide enough for all values, intervals and limits.
// throws Error(kInternal): no points, or an event at none of them.
std::string series_chart(std::span<const SeriesPoint> points, const SeriesChartOptions& options);

}  // namespace peira::reports
