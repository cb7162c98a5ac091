// What was measured against what is allowed, as inline SVG: an interval beside a bound or margin.
#pragma once

#include <optional>
#include <string>

namespace peira::reports {

struct BoundPicture {
  double value = 0;
  std::optional<double> low, high;                  // its interval; empty: open to that side
  std::optional<double> allowed_low, allowed_high;  // empty: open to that side
  bool as_share = false;                            // of 1, shown in per cent
  bool as_difference = false;                       // signed, with a line at zero
};

// The allowed range shaded and edged, the interval with its dot on it, on an axis that holds both.
//
// id     unique in the page.
// title  read out, shown as a tool tip.
std::string bound_chart(const BoundPicture& picture, const std::string& id,
                        const std::string& title);

}  // namespace peira::reports
