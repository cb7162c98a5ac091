#include "reports/charts/series_chart.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <vector>

#include "base/error.h"
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

constexpr double kTop = 14;
constexpr double kPlotHeight = 170;
constexpr int kHeight = 212;
// Room for the ticks' words at the left, and for a dot at the right.
constexpr double kLeft = 0.1, kRight = 0.985;

class Plot {
 public:
  Plot(std::span<const SeriesPoint> points, const SeriesChartOptions& options)
      : points_(points), options_(options) {
    if (points.empty()) throw Error(ErrorCode::kInternal, "a series without points");
    double low = std::numeric_limits<double>::infinity();
    double high = -low;
    const auto widen = [&](const std::optional<double>& value) {
      if (!value || !std::isfinite(*value)) return;
      low = std::min(low, *value);
      high = std::max(high, *value);
    };
    for (const SeriesPoint& point : points) {
      for (const auto& value :
           {point.value, point.low, point.high, point.center, point.limit_low, point.limit_high}) {
        widen(value);
      }
    }
    if (options.as_difference) widen(0.0);
    if (!(low <= high)) low = 0, high = 1;  // nothing measured: an empty plot
    if (!(high - low > 1e-9 * std::max(1.0, std::abs(high)))) {
      const double margin = options.as_share ? 0.05 : std::max(std::abs(high) * 0.1, 1e-6);
      low -= margin;
      high += margin;
    }
    step_ = charts::round_step(high - low, 4);
    low_ = step_ * std::floor(low / step_ + 1e-9);
    high_ = step_ * std::ceil(high / step_ - 1e-9);
  }

  double y(double value) const {
    return kTop + kPlotHeight * (1 - std::clamp((value - low_) / (high_ - low_), 0.0, 1.0));
  }
  double x(std::size_t index) const {
    if (points_.size() == 1) return (kLeft + kRight) / 2;
    return kLeft +
           (kRight - kLeft) * static_cast<double>(index) / static_cast<double>(points_.size() - 1);
  }

  std::string grid() const {
    std::string svg;
    for (int i = 0; low_ + i * step_ <= high_ + step_ / 2; ++i) {
      const double value = low_ + i * step_;
      const bool is_zero = options_.as_difference && std::abs(value) < step_ / 1000;
      svg += line("0%", y(value), "100%", y(value), is_zero ? "zero" : "grid");
      svg += text("0%", y(value) - 3, "start", "tick", tick(value));
    }
    return svg;
  }

  std::string tick(double value) const {
    const bool is_percent = options_.as_share;
    const double shown = is_percent ? 100 * value : value;
    if (std::abs(value) < step_ / 1000) return is_percent && !options_.as_difference ? "0 %" : "0";
    std::string out = format_number(options_.as_difference ? "%+.4g" : "%.4g", shown);
    if (is_percent && !options_.as_difference) out += " %";
    return out;
  }

  // Behind everything else: the line with its word, and between which points it lies.
  std::string event(const SeriesEvent& event) const {
    if (event.at >= points_.size() || event.last >= points_.size() || event.first > event.last) {
      throw Error(ErrorCode::kInternal, "an event at no point of its series");
    }
    const double at = x(event.at);
    std::string svg = "<g class=\"event\"><title>" + detail::escape_html(event.note) + "</title>";
    svg += "<rect class=\"between\" x=\"" + place(x(event.first)) + "\" y=\"" +
           format_number("%.4g", kTop) + "\" width=\"" + place(x(event.last) - x(event.first)) +
           "\" height=\"" + format_number("%.4g", kPlotHeight) +
           "\" fill=\"currentColor\" opacity=\"0.12\"/>";
    svg += line(place(at), kTop - 2, place(at), kTop + kPlotHeight, "change");
    svg += text(place(at), kTop - 4,
                at > 0.8   ? "end"
                : at < 0.2 ? "start"
                           : "middle",
                "tick", event.label);
    return svg + "</g>";
  }

  // A path over the points with `value_of`, broken where it is empty; drawn in a frame that
  // stretches with the page while its strokes do not.
  template <typename ValueOf>
  std::string path(const char* classes, const ValueOf& value_of) const {
    std::string d;
    bool is_open = false;
    for (std::size_t i = 0; i < points_.size(); ++i) {
      const std::optional<double> value = value_of(points_[i]);
      if (value) d += (is_open ? "L" : "M") + at(i, *value);
      is_open = value.has_value();
    }
    if (d.empty()) return "";
    return std::string("<path class=\"") + classes +
           "\" fill=\"none\" stroke=\"currentColor\" vector-effect=\"non-scaling-stroke\" d=\"" +
           d + "\"/>";
  }

  // The area between two values of each point, in runs of points that have both.
  template <typename LowOf, typename HighOf>
  std::string band(const char* classes, const LowOf& low_of, const HighOf& high_of) const {
    std::string d;
    std::size_t i = 0;
    while (i < points_.size()) {
      if (!low_of(points_[i]) || !high_of(points_[i])) {
        ++i;
        continue;
      }
      std::size_t end = i;
      while (end < points_.size() && low_of(points_[end]) && high_of(points_[end])) ++end;
      for (std::size_t j = i; j < end; ++j) d += (j == i ? "M" : "L") + at(j, *high_of(points_[j]));
      for (std::size_t j = end; j-- > i;) d += "L" + at(j, *low_of(points_[j]));
      d += "Z";
      i = end;
    }
    if (d.empty()) return "";
    return std::string("<path class=\"") + classes +
           "\" fill=\"currentColor\" opacity=\"0.15\" d=\"" + d + "\"/>";
  }

 private:
  std::string at(std::size_t index, double value) const {
    return format_number("%.2f", 1000 * x(index)) + " " + format_number("%.2f", y(value)) + " ";
  }

  std::span<const SeriesPoint> points_;
  const SeriesChartOptions& options_;
  double low_ = 0, high_ = 1, step_ = 1;
};

const char* class_of(SeriesPoint::Mark mark) {
  switch (mark) {
    case SeriesPoint::Mark::kAlarm:
      return "worse";
    case SeriesPoint::Mark::kBetter:
      return "better";
    case SeriesPoint::Mark::kFaint:
      return "faint";
    case SeriesPoint::Mark::kPlain:
      break;
  }
  return "dot";
}

}  // namespace

std::string series_chart(std::span<const SeriesPoint> points, const SeriesChartOptions& options) {
  const Plot plot(points, options);
  std::string summary;
  std::size_t num_alarms = 0;
  for (const SeriesPoint& point : points) {
    num_alarms += point.mark == SeriesPoint::Mark::kAlarm ? 1 : 0;
  }
  summary = std::to_string(points.size()) + " points, " + points.front().label + " to " +
            points.back().label + ". ";
  if (points.back().value) summary += "The last is " + plot.tick(*points.back().value) + ". ";
  if (num_alarms > 0) summary += std::to_string(num_alarms) + " marked as worse.";
  for (const SeriesEvent& event : options.events) summary += " " + event.note + ".";
  std::string svg = open_svg(options.id, options.title, summary, kHeight) + plot.grid();
  for (const SeriesEvent& event : options.events) svg += plot.event(event);
  svg += "<svg x=\"0\" y=\"0\" width=\"100%\" height=\"" + std::to_string(kHeight) +
         "\" viewBox=\"0 0 1000 " + std::to_string(kHeight) +
         "\" preserveAspectRatio=\"none\" aria-hidden=\"true\">";
  const auto limit_low = [](const SeriesPoint& point) { return point.limit_low; };
  const auto limit_high = [](const SeriesPoint& point) { return point.limit_high; };
  svg += plot.band("limits", limit_low, limit_high);
  svg += plot.path("limit", limit_low) + plot.path("limit", limit_high);
  svg += plot.path("center", [](const SeriesPoint& point) { return point.center; });
  if (options.interval_is_band) {
    svg += plot.band(
        "interval", [](const SeriesPoint& point) { return point.low; },
        [](const SeriesPoint& point) { return point.high; });
  }
  svg += plot.path("course", [](const SeriesPoint& point) { return point.value; });
  svg += "</svg>";
  for (std::size_t i = 0; i < points.size(); ++i) {
    const SeriesPoint& point = points[i];
    if (!point.value) continue;
    const std::string x = place(plot.x(i));
    svg += "<g><title>" + detail::escape_html(point.label) + ": " + plot.tick(*point.value);
    if (point.low && point.high) {
      svg += " (" + plot.tick(*point.low) + " to " + plot.tick(*point.high) + ")";
    }
    svg += (point.note.empty() ? "" : ", " + detail::escape_html(point.note)) + "</title>";
    if (point.low && point.high && !options.interval_is_band) {
      svg += line(x, plot.y(*point.low), x, plot.y(*point.high), "whisker");
    }
    const bool is_alarm = point.mark == SeriesPoint::Mark::kAlarm;
    svg += circle(x, plot.y(*point.value), points.size() > 60 ? 2.5 : 4, class_of(point.mark));
    // Told apart by shape too: a ring around what is worse.
    if (is_alarm) {
      svg += "<circle class=\"ring\" cx=\"" + x + "\" cy=\"" +
             format_number("%.4g", plot.y(*point.value)) +
             "\" r=\"8\" fill=\"none\" stroke=\"currentColor\"/>";
    }
    svg += "</g>";
  }
  const double label_y = kTop + kPlotHeight + 20;
  if (points.size() == 1) {
    svg += text(place(plot.x(0)), label_y, "middle", "tick", points[0].label);
  } else {
    svg += text(place(kLeft), label_y, "start", "tick", points.front().label);
    svg += text("100%", label_y, "end", "tick", points.back().label);
  }
  return svg + "</svg>";
}

}  // namespace peira::reports
