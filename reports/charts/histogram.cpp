#include "reports/charts/histogram.h"

#include <algorithm>
#include <cmath>

#include "reports/charts/svg.h"
#include "reports/detail/text.h"

namespace peira::reports {
namespace {

using charts::circle;
using charts::line;
using charts::open_svg;
using charts::place;
using charts::text;
using detail::format_number;

constexpr double kBarsHeight = 96;
constexpr double kTop = 18;  // for the marks' names

}  // namespace

std::string quantity(double value, const std::string& unit) {
  const bool is_whole = std::abs(value - std::round(value)) < 1e-9 && std::abs(value) < 1e9;
  std::string number;
  if (unit == "tokens" || (is_whole && std::abs(value) >= 100)) {
    number = format_number("%.0f", value);
  } else if (unit == "s" && std::abs(value) < 1 && value != 0) {
    return format_number("%.3g", 1000 * value) + " ms";
  } else {
    number = format_number("%.3g", value);
  }
  return unit.empty() ? number : number + " " + unit;
}

std::string histogram(const Distribution& distribution, const std::string& id) {
  const std::string& unit = distribution.unit;
  const double width = distribution.bin_width * static_cast<double>(distribution.bins.size());
  const auto share_of = [&](double value) {
    return std::clamp((value - distribution.bins_low) / width, 0.0, 1.0);
  };
  const std::string summary = std::to_string(distribution.count) + " answers: median " +
                              quantity(distribution.median, unit) + ", 95 % at most " +
                              quantity(distribution.p95, unit) + ", largest " +
                              quantity(distribution.largest, unit) + ".";
  std::string svg = open_svg(id, distribution.name, summary, 140);
  const std::int64_t most = std::max<std::int64_t>(
      1, *std::max_element(distribution.bins.begin(), distribution.bins.end()));
  const double base = kTop + kBarsHeight;
  for (std::size_t i = 0; i < distribution.bins.size(); ++i) {
    const std::int64_t count = distribution.bins[i];
    if (count == 0) continue;
    // A single answer stays visible.
    const double height =
        std::max(2.0, kBarsHeight * static_cast<double>(count) / static_cast<double>(most));
    const double step = 1.0 / static_cast<double>(distribution.bins.size());
    const double low = distribution.bins_low + distribution.bin_width * static_cast<double>(i);
    const bool is_open = distribution.last_is_open && i + 1 == distribution.bins.size();
    const std::string range =
        is_open ? quantity(low, unit) + " and more"
                : quantity(low, unit) + " to " + quantity(low + distribution.bin_width, unit);
    svg += "<rect class=\"bar\" x=\"" + place(step * (static_cast<double>(i) + 0.04)) + "\" y=\"" +
           format_number("%.1f", base - height) + "\" width=\"" + place(step * 0.92) +
           "\" height=\"" + format_number("%.1f", height) + "\" fill=\"currentColor\" opacity=\"" +
           (is_open ? "0.4" : "0.7") + "\"><title>" + detail::escape_html(range) + ": " +
           std::to_string(count) + "</title></rect>";
  }
  svg += line("0%", base, "100%", base, "axis");
  struct Mark {
    double value;
    const char* name;
  };
  double previous = -1;
  for (const Mark& mark : {Mark{distribution.median, "median "}, Mark{distribution.p95, "p95 "}}) {
    const double share = share_of(mark.value);
    svg += line(place(share), kTop - 4, place(share), base, "mark");
    if (previous >= 0 && share - previous < 0.3) continue;  // the names would run into each other
    previous = share;
    svg += text(place(share), kTop - 7,
                share < 0.2   ? "start"
                : share > 0.8 ? "end"
                              : "middle",
                "tick", mark.name + quantity(mark.value, unit));
  }
  svg += text("0%", base + 17, "start", "tick", quantity(distribution.bins_low, unit));
  svg += text("100%", base + 17, "end", "tick",
              quantity(distribution.bins_low + width, unit) +
                  (distribution.last_is_open ? " and more" : ""));
  return svg + "</svg>";
}

std::string reliability_diagram(const Calibration& calibration, const std::string& id) {
  constexpr double kHeight = 220;
  std::string summary;
  for (const stats::CalibrationBin& bin : calibration.error.bins) {
    summary += format_number("%.0f", 100 * bin.mean_confidence) +
               " % sure: " + format_number("%.0f", 100 * bin.accuracy) + " % right of " +
               std::to_string(bin.count) + ". ";
  }
  std::string svg = open_svg(id, "Share of right answers by stated confidence", summary, 262);
  const auto y_of = [](double accuracy) { return 8 + kHeight * (1 - accuracy); };
  for (int i = 0; i <= 4; ++i) {
    const double share = i / 4.0;
    svg += line("0%", y_of(share), "100%", y_of(share), "grid");
    svg += text("0%", y_of(share) - 3, "start", "tick",
                std::to_string(25 * i) + (i == 4 ? " % right" : " %"));
    svg += text(place(share), kHeight + 26,
                i == 0   ? "start"
                : i == 4 ? "end"
                         : "middle",
                "tick", std::to_string(25 * i) + (i == 4 ? " % sure" : " %"));
  }
  svg += line("0%", y_of(0), "100%", y_of(1), "diagonal");
  std::int64_t most = 1;
  for (const stats::CalibrationBin& bin : calibration.error.bins) most = std::max(most, bin.count);
  for (const stats::CalibrationBin& bin : calibration.error.bins) {
    const std::string x = place(bin.mean_confidence);
    const double area = static_cast<double>(bin.count) / static_cast<double>(most);
    svg += "<g><title>" + format_number("%.0f", 100 * bin.mean_confidence) + " % sure, " +
           format_number("%.0f", 100 * bin.accuracy) + " % right, " + std::to_string(bin.count) +
           " answers</title>" +
           line(x, y_of(bin.mean_confidence), x, y_of(bin.accuracy), "whisker") +
           circle(x, y_of(bin.accuracy), 3 + 6 * std::sqrt(area), "dot") + "</g>";
  }
  return svg + "</svg>";
}

}  // namespace peira::reports
