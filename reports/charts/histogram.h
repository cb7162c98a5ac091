// How values spread, and whether confidence keeps its word, as inline SVG.
#pragma once

#include <string>

#include "reports/run_details.h"

namespace peira::reports {

// Bars over the bins of `distribution`, with a mark at the median and at the 95th percentile.
// id  unique in the page.
std::string histogram(const Distribution& distribution, const std::string& id);

// Accuracy over stated confidence: a dot a bin, larger for more answers, beside the diagonal of
// perfect calibration; the gap as a line.
std::string reliability_diagram(const Calibration& calibration, const std::string& id);

// "1.25 s", "4,210 tokens": a value of `distribution` with its unit, three digits.
std::string quantity(double value, const std::string& unit);

}  // namespace peira::reports
