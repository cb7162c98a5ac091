#include "evals/metrics/hle.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "base/error.h"

namespace peira::evals {
namespace {

constexpr std::size_t kBinSize = 100;

// Python's round(value, 2) of the magnitudes met here: the decimal nearest to the double's exact
// value, halves to even. printf rounds exactly that way.
double rounded(double value) {
  char text[64];
  std::snprintf(text, sizeof text, "%.2f", value);
  return std::stod(text);
}

}  // namespace

HleFigures hle_figures(std::span<const HleVerdict> verdicts, std::int64_t num_rows) {
  if (num_rows < 1 || static_cast<std::int64_t>(verdicts.size()) > num_rows) {
    throw Error(ErrorCode::kUsage, std::to_string(verdicts.size()) + " verdicts on " +
                                       std::to_string(num_rows) + " questions");
  }
  HleFigures figures;
  const auto n = static_cast<double>(num_rows);
  double num_correct = 0;
  for (const HleVerdict& verdict : verdicts) num_correct += verdict.is_correct ? 1 : 0;
  figures.accuracy = rounded(100 * num_correct / n);
  figures.half_width = rounded(1.96 * std::sqrt(figures.accuracy * (100 - figures.accuracy) / n));

  const std::size_t num_bins = verdicts.size() / kBinSize;
  if (num_bins == 0) return figures;
  std::vector<HleVerdict> sorted(verdicts.begin(), verdicts.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const HleVerdict& a, const HleVerdict& b) {
    return a.confidence < b.confidence;
  });
  double sum = 0;
  for (std::size_t bin = 0; bin + 1 < num_bins; ++bin) {
    double confidence = 0;
    double correct = 0;
    for (std::size_t i = bin * kBinSize; i < (bin + 1) * kBinSize; ++i) {
      confidence += sorted[i].confidence;
      correct += sorted[i].is_correct ? 1 : 0;
    }
    const double gap = std::abs(confidence / kBinSize - correct / kBinSize);
    sum += kBinSize / static_cast<double>(verdicts.size()) * gap * gap;
  }
  // NumPy's rounding, which scales first, and then the printed figure's factor: 0.57 * 100 is
  // 56.99999999999999.
  figures.calibration_error = std::nearbyint(std::sqrt(sum) * 100) / 100 * 100;
  return figures;
}

}  // namespace peira::evals
