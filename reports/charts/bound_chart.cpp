#include "reports/charts/bound_chart.h"

#include <algorithm>
#include <cmath>

#include "reports/charts/svg.h"
#include "reports/detail/text.h"

namespace peira::reports {
namespace {

using charts::circle;
using charts::line;
using charts::place;
using charts::text;
using detail::format_number;

constexpr int kBandHeight = 30;
constexpr double kTrack = 15;
constexpr int kHeight = 52;
constexpr int kMostTicks = 4;

struct Axis {
  double low = 0, high = 1, step = 0.25;

  explicit Axis(const BoundPicture& picture) {
    low = high = picture.value;
    const auto hold = [this](const std::optional<double>& value) {
      if (!value || !std::isfinite(*value)) return;
      low = std::min(low, *value);
      high = std::max(high, *value);
    };
    for (const auto& value :
         {picture.low, picture.high, picture.allowed_low, picture.allowed_high}) {
      hold(value);
    }
    if (picture.as_difference) hold(0.0);
    double reach = high - low;
    if (!(reach > 1e-9 * std::max(1.0, std::abs(high)))) {
      reach = picture.as_share ? 0.1 : std::max(std::abs(high), 1e-6);
    }
    // Room on either side, so that it shows to which one the allowed range goes on.
    low -= 0.2 * reach;
    high += 0.2 * reach;
    if (picture.as_share && !picture.as_difference) {
      low = std::max(low, 0.0);
      high = std::min(high, 1.0);
    }
    step = charts::round_step(high - low, kMostTicks);
  }
  double share(double value) const { return (std::clamp(value, low, high) - low) / (high - low); }
  std::string at(double value) const { return place(share(value)); }
};

std::string tick_text(const BoundPicture& picture, double value, double step) {
  if (std::abs(value) < step / 1000)
    return picture.as_share && !picture.as_difference ? "0 %" : "0";
  const double shown = picture.as_share ? 100 * value : value;
  std::string out = format_number(picture.as_difference ? "%+.4g" : "%.4g", shown);
  if (picture.as_share && !picture.as_difference) out += " %";
  return out;
}

}  // namespace

std::string bound_chart(const BoundPicture& picture, const std::string& id,
                        const std::string& title) {
  const Axis axis(picture);
  const auto said = [&](double value) { return tick_text(picture, value, axis.step); };
  std::string summary = "Measured " + said(picture.value);
  if (picture.low && picture.high) {
    summary += ", interval " + said(*picture.low) + " to " + said(*picture.high);
  }
  summary += ". Allowed";
  if (picture.allowed_low) summary += " from " + said(*picture.allowed_low);
  if (picture.allowed_high) summary += " up to " + said(*picture.allowed_high);
  std::string svg = charts::open_svg(id, title, summary + ".", kHeight);

  const double from = picture.allowed_low ? axis.share(*picture.allowed_low) : 0;
  const double to = picture.allowed_high ? axis.share(*picture.allowed_high) : 1;
  svg += "<rect class=\"allowed\" x=\"" + place(from) + "\" y=\"0\" width=\"" +
         place(std::max(0.0, to - from)) + "\" height=\"" + std::to_string(kBandHeight) +
         "\" fill=\"currentColor\" opacity=\"0.15\"/>";
  for (double i = std::ceil(axis.low / axis.step - 1e-9); i * axis.step <= axis.high; ++i) {
    const double value = i * axis.step;
    const bool is_zero = picture.as_difference && std::abs(value) < axis.step / 1000;
    const double at = axis.share(value);
    svg += line(place(at), 0, place(at), kBandHeight, is_zero ? "zero" : "grid");
    svg += text(place(at), kBandHeight + 16,
                at < 0.05   ? "start"
                : at > 0.95 ? "end"
                            : "middle",
                "tick", said(value));
  }
  for (const auto& bound : {picture.allowed_low, picture.allowed_high}) {
    if (bound) svg += line(axis.at(*bound), -3, axis.at(*bound), kBandHeight + 3, "bound");
  }
  if (picture.low || picture.high) {
    const std::string low = picture.low ? axis.at(*picture.low) : place(0);
    const std::string high = picture.high ? axis.at(*picture.high) : place(1);
    svg += line(low, kTrack, high, kTrack, "whisker");
    if (picture.low) svg += line(low, kTrack - 5, low, kTrack + 5, "cap");
    if (picture.high) svg += line(high, kTrack - 5, high, kTrack + 5, "cap");
  }
  return svg + circle(axis.at(picture.value), kTrack, 5, "dot") + "</svg>";
}

}  // namespace peira::reports
