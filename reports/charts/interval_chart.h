// Charts as inline SVG: fluid in width, text at its own size, readable without style sheets.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace peira::reports {

// A value with its whisker.
struct ChartRow {
  std::string label;
  double value = 0;
  std::optional<double> low, high;
  std::string value_text;  // shown at the right; "" for none
  std::string group;       // a heading above the first row of each run of equal groups
};

struct ChartOptions {
  std::string id;              // unique in the page; names the chart's title for screen readers
  std::string title;           // read out, shown as a tool tip
  double axis_low = 0;         // left end
  double axis_high = 1;        // right end
  double tick_step = 0.25;     // from axis_low
  bool as_difference = false;  // ticks in signed points and a line at zero
};

// Dots with whiskers on one axis, a row each.
// throws Error(kInternal): the axis is empty.
std::string interval_chart(std::span<const ChartRow> rows, const ChartOptions& options);

// An axis for differences: symmetric, on a round step, wide enough for all of `rows`.
ChartOptions difference_axis(std::span<const ChartRow> rows);

// What became of the pairs of a comparison, as one bar in three parts.
struct FlipCounts {
  std::int64_t to_wrong = 0, unchanged = 0, to_right = 0;
};
// binary  scores are right or wrong, else they are higher or lower.
std::string flips_bar(const FlipCounts& counts, const std::string& id, const std::string& title,
                      bool binary = true);

}  // namespace peira::reports
