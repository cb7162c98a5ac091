#include "reports/charts/interval_chart.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "base/error.h"
#include "reports/charts/svg.h"
#include "reports/detail/text.h"

namespace peira::reports {
namespace {

using charts::circle;
using charts::line;
using charts::open_svg;
using charts::text;
using detail::escape_html;
using detail::format_number;

constexpr int kGroupHeight = 26;
constexpr int kRowHeight = 42;
constexpr int kAxisHeight = 24;
constexpr std::size_t kLabelChars = 90;
constexpr std::size_t kNarrowChars = 43;  // of label and value together: what fits a phone
constexpr std::size_t kLeastLabelChars = 8;

std::string number(double value) { return format_number("%.4g", value); }

// Positions are shares of the width, so that a chart is fluid while its text keeps its size.
class Axis {
 public:
  explicit Axis(const ChartOptions& options) : low_(options.axis_low), high_(options.axis_high) {
    if (!(high_ > low_)) throw Error(ErrorCode::kInternal, "a chart's axis is empty");
  }
  std::string at(double value) const {
    const double share = (std::clamp(value, low_, high_) - low_) / (high_ - low_);
    return charts::place(share);
  }

 private:
  double low_, high_;
};

// A row's label; a long one twice, the short form for narrow pages, shown by the page's style only.
std::string label(int y, const std::string& content, std::size_t narrow_chars) {
  const std::string wide = detail::shorten(content, kLabelChars);
  const std::string narrow = detail::shorten(content, narrow_chars);
  if (wide == narrow) return text("0", y, "start", "label", wide);
  std::string hidden = text("0", y, "start", "label narrow", narrow);
  hidden.insert(std::string_view("<text").size(), " aria-hidden=\"true\" display=\"none\"");
  return text("0", y, "start", "label wide", wide) + hidden;
}

std::string tick_text(double value, bool as_difference) {
  if (!as_difference) return format_number("%.0f", 100 * value) + " %";
  const double points = 100 * value;
  const bool is_whole = std::abs(points - std::round(points)) < 1e-9;
  if (std::abs(points) < 1e-9) return "0";
  return format_number(is_whole ? "%+.0f" : "%+.1f", points);
}

}  // namespace

std::string interval_chart(std::span<const ChartRow> rows, const ChartOptions& options) {
  const Axis axis(options);
  int height = kAxisHeight;
  std::string summary;
  std::string group;
  for (const ChartRow& row : rows) {
    height += kRowHeight + (row.group != group ? kGroupHeight : 0);
    group = row.group;
    summary += row.label + ": " + row.value_text + ". ";
  }
  std::string svg = open_svg(options.id, options.title, summary, height);

  const int axis_y = height - kAxisHeight;
  const int num_ticks = static_cast<int>(
      std::floor((options.axis_high - options.axis_low) / options.tick_step + 1e-9));
  for (int i = 0; i <= num_ticks; ++i) {
    const double value = options.axis_low + i * options.tick_step;
    const bool is_zero = options.as_difference && std::abs(value) < options.tick_step / 1000;
    svg += line(axis.at(value), 0, axis.at(value), axis_y, is_zero ? "zero" : "grid");
    svg += text(axis.at(value), axis_y + 16,
                i == 0           ? "start"
                : i == num_ticks ? "end"
                                 : "middle",
                "tick", tick_text(value, options.as_difference));
  }

  int y = 0;
  group.clear();
  for (const ChartRow& row : rows) {
    if (row.group != group) {
      svg += text("0", y + 18, "start", "group", detail::shorten(row.group, 60));
      y += kGroupHeight;
      group = row.group;
    }
    svg += "<g><title>" + escape_html(row.label + ": " + row.value_text) + "</title>";
    const std::size_t taken = std::min(row.value_text.size(), kNarrowChars - kLeastLabelChars);
    svg += label(y + 15, row.label, kNarrowChars - taken);
    svg += text("100%", y + 15, "end", "value", row.value_text);
    const int track = y + 28;
    if (row.low && row.high) {
      svg += line(axis.at(*row.low), track, axis.at(*row.high), track, "whisker");
      svg += line(axis.at(*row.low), track - 5, axis.at(*row.low), track + 5, "cap");
      svg += line(axis.at(*row.high), track - 5, axis.at(*row.high), track + 5, "cap");
    }
    svg += circle(axis.at(row.value), track, 5, "dot") + "</g>";
    y += kRowHeight;
  }
  return svg + "</svg>";
}

ChartOptions difference_axis(std::span<const ChartRow> rows) {
  double reach = 0.005;
  for (const ChartRow& row : rows) {
    reach = std::max({reach, std::abs(row.value), std::abs(row.low.value_or(0)),
                      std::abs(row.high.value_or(0))});
  }
  // The smallest round step with which two steps to each side reach far enough.
  double step = 0.0025;
  for (const double candidate :
       {0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5}) {
    if (2 * step >= reach) break;
    step = candidate;
  }
  ChartOptions options;
  options.axis_low = -2 * step;
  options.axis_high = 2 * step;
  options.tick_step = step;
  options.as_difference = true;
  return options;
}

std::string flips_bar(const FlipCounts& counts, const std::string& id, const std::string& title,
                      bool binary) {
  const std::string worse = binary ? "to wrong" : "lower";
  const std::string better = binary ? "to right" : "higher";
  struct Part {
    const char* classes;
    std::string name;
    std::int64_t count;
    const char* opacity;  // told apart without colours too
  };
  const Part parts[] = {{"worse", worse, counts.to_wrong, "0.55"},
                        {"same", "unchanged", counts.unchanged, "0.15"},
                        {"better", better, counts.to_right, "0.9"}};
  const std::int64_t total = counts.to_wrong + counts.unchanged + counts.to_right;
  std::string summary;
  for (const Part& part : parts) {
    summary += std::to_string(part.count) + " " + part.name + ". ";
  }
  std::string svg = open_svg(id, title, summary, 44);
  double start = 0;
  for (const Part& part : parts) {
    if (total == 0 || part.count == 0) continue;
    const double share = 100 * static_cast<double>(part.count) / static_cast<double>(total);
    svg += "<rect class=\"" + std::string(part.classes) + "\" x=\"" + number(start) +
           "%\" y=\"0\" width=\"" + number(share) +
           "%\" height=\"18\" fill=\"currentColor\" opacity=\"" + part.opacity + "\"><title>" +
           std::to_string(part.count) + " " + part.name + "</title></rect>";
    start += share;
  }
  svg += text("0", 36, "start", "tick", std::to_string(counts.to_wrong) + " " + worse);
  svg += text("50%", 36, "middle", "tick", std::to_string(counts.unchanged) + " unchanged");
  svg += text("100%", 36, "end", "tick", std::to_string(counts.to_right) + " " + better);
  return svg + "</svg>";
}

}  // namespace peira::reports
