#include "reports/run_details.h"

#include <algorithm>
#include <cmath>

#include "stats/quantiles.h"

namespace peira::reports {
namespace {

constexpr int kMostBins = 24;
constexpr std::int64_t kNumResamples = 1000;

// The least of 1, 2 or 5 times a power of ten that is at least `width`.
double round_width(double width) {
  const double power = std::pow(10.0, std::floor(std::log10(width)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= width * (1 - 1e-12)) return factor * power;
  }
  return 10 * power;
}

}  // namespace

std::optional<Distribution> distribution_of(const std::string& name, const std::string& unit,
                                            std::span<const double> values) {
  if (values.empty()) return std::nullopt;
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  Distribution out;
  out.name = name;
  out.unit = unit;
  out.count = static_cast<std::int64_t>(sorted.size());
  out.median = stats::quantile(sorted, 0.5);  // checks that all are finite
  for (const double value : sorted) out.mean += value / static_cast<double>(sorted.size());
  out.smallest = sorted.front();
  out.largest = sorted.back();
  out.p90 = stats::sorted_quantile(sorted, 0.9);
  out.p95 = stats::sorted_quantile(sorted, 0.95);
  out.p99 = stats::sorted_quantile(sorted, 0.99);
  const double reach = out.p99 - out.smallest;
  const bool is_constant = !(reach > 1e-12 * std::max(std::abs(out.p99), 1e-300));
  out.bin_width = is_constant ? round_width(std::max(std::abs(out.p99), 1e-9) / 10)
                              : round_width(reach / kMostBins * 1.25);
  const double first = std::floor(out.smallest / out.bin_width);
  out.bins_low = first * out.bin_width;
  const auto num_bins = static_cast<std::size_t>(
      std::clamp(std::floor(out.p99 / out.bin_width) - first + 1, 1.0, double{kMostBins}));
  out.bins.assign(num_bins, 0);
  const double end = out.bins_low + out.bin_width * static_cast<double>(num_bins);
  for (const double value : sorted) {
    const double bin = std::floor(value / out.bin_width) - first;
    const auto index =
        static_cast<std::size_t>(std::clamp(bin, 0.0, static_cast<double>(num_bins - 1)));
    ++out.bins[index];
  }
  out.last_is_open = out.largest >= end;
  return out;
}

std::optional<Calibration> calibration_of(const std::string& source,
                                          std::span<const double> confidences,
                                          std::span<const double> correct, std::uint64_t seed) {
  if (confidences.empty()) return std::nullopt;
  Calibration out;
  out.source = source;
  out.num_answers = static_cast<std::int64_t>(confidences.size());
  out.error = stats::calibration_error(confidences, correct);
  // Resampling a few answers says nothing of the many.
  if (confidences.size() >= 20) {
    // Cost grows with answers times resamples: a large sample needs fewer of them.
    const std::int64_t resamples =
        std::clamp<std::int64_t>(20'000'000 / out.num_answers, 200, kNumResamples);
    out.interval = stats::calibration_interval(confidences, correct, {}, resamples, seed);
  }
  out.brier = stats::brier_score(confidences, correct);
  std::vector<double> right, wrong;
  for (std::size_t i = 0; i < confidences.size(); ++i) {
    (correct[i] == 1 ? right : wrong).push_back(confidences[i]);
  }
  if (!right.empty() && !wrong.empty()) out.auroc = stats::area_under_roc(right, wrong);
  return out;
}

}  // namespace peira::reports
