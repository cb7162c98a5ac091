#include "stats/calibration.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>

#include "stats/detail/checks.h"
#include "stats/quantiles.h"
#include "stats/random.h"

namespace peira::stats {
namespace {

void require_answers(std::span<const double> confidence, std::span<const double> correct) {
  detail::require_same_length(confidence.size(), correct.size(), "confidences and scores");
  if (confidence.empty()) detail::empty_input("no answers");
  detail::require_finite(confidence, "a confidence");
  detail::require_finite(correct, "a score");
  for (const double c : confidence) detail::require_unit(c, "a confidence");
  for (const double c : correct) detail::require_unit(c, "a score");
}

// Bin (low, high] of [0, 1] that holds `confidence`. The product alone is off by one where it
// rounds: 0.07 * 100 exceeds 7.
std::size_t width_bin(double confidence, std::size_t num_bins) {
  const double size = static_cast<double>(num_bins);
  std::size_t bin = static_cast<std::size_t>(std::max(0.0, std::ceil(confidence * size) - 1));
  bin = std::min(bin, num_bins - 1);
  while (bin > 0 && confidence <= static_cast<double>(bin) / size) --bin;
  while (bin + 1 < num_bins && confidence > static_cast<double>(bin + 1) / size) ++bin;
  return bin;
}

// First position of each bin among answers sorted by confidence, and the end.
std::vector<std::size_t> bin_edges(std::size_t n, const Binning& binning) {
  const std::size_t size = static_cast<std::size_t>(binning.size);
  std::vector<std::size_t> edges{0};
  if (binning.kind == Binning::Kind::kEqualMass) {
    for (std::size_t bin = 0; bin < size && edges.back() < n; ++bin) {
      edges.push_back(edges.back() + n / size + (bin < n % size ? 1 : 0));
    }
    return edges;
  }
  for (std::size_t bin = 1; bin < n / size; ++bin) edges.push_back(bin * size);
  edges.push_back(n);
  return edges;
}

// Bins of answers, empty ones left out.
std::vector<CalibrationBin> bins_of(std::span<const double> confidence,
                                    std::span<const double> correct, const Binning& binning) {
  const std::size_t n = confidence.size();
  std::vector<CalibrationBin> bins;
  if (binning.kind == Binning::Kind::kEqualWidth) {
    // By bin, so that a bin's sums run in the order given.
    const std::size_t size = static_cast<std::size_t>(binning.size);
    std::vector<std::pair<std::size_t, std::size_t>> order;
    for (std::size_t i = 0; i < n; ++i) order.emplace_back(width_bin(confidence[i], size), i);
    std::sort(order.begin(), order.end());
    for (std::size_t k = 0; k < n; ++k) {
      if (k == 0 || order[k].first != order[k - 1].first) bins.emplace_back();
      ++bins.back().count;
      bins.back().mean_confidence += confidence[order[k].second];
      bins.back().accuracy += correct[order[k].second];
    }
  } else {
    std::vector<std::size_t> order(n);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t i, std::size_t j) { return confidence[i] < confidence[j]; });
    const std::vector<std::size_t> edges = bin_edges(n, binning);
    for (std::size_t bin = 0; bin + 1 < edges.size(); ++bin) {
      bins.emplace_back();
      for (std::size_t k = edges[bin]; k < edges[bin + 1]; ++k) {
        ++bins.back().count;
        bins.back().mean_confidence += confidence[order[k]];
        bins.back().accuracy += correct[order[k]];
      }
    }
  }
  for (CalibrationBin& bin : bins) {
    bin.mean_confidence /= static_cast<double>(bin.count);
    bin.accuracy /= static_cast<double>(bin.count);
  }
  return bins;
}

CalibrationError error_of(std::span<const double> confidence, std::span<const double> correct,
                          const Binning& binning) {
  CalibrationError error;
  error.bins = bins_of(confidence, correct, binning);
  const bool drop = binning.kind == Binning::Kind::kConsecutive && binning.drop_last_bin;
  const std::size_t counted = error.bins.size() - (drop ? 1 : 0);
  double squares = 0;
  for (std::size_t i = 0; i < counted; ++i) {
    const CalibrationBin& bin = error.bins[i];
    const double gap = std::abs(bin.mean_confidence - bin.accuracy);
    const double share = static_cast<double>(bin.count) / static_cast<double>(confidence.size());
    error.expected += share * gap;
    error.largest = std::max(error.largest, gap);
    squares += share * gap * gap;
  }
  error.root_mean_square = std::sqrt(squares);
  return error;
}

void require_binning(const Binning& binning) {
  if (binning.size < 1 || binning.size > 1'000'000'000) {
    detail::invalid_argument("a size of bins of " + std::to_string(binning.size));
  }
}

}  // namespace

CalibrationError calibration_error(std::span<const double> confidence,
                                   std::span<const double> correct, const Binning& binning) {
  require_answers(confidence, correct);
  require_binning(binning);
  return error_of(confidence, correct, binning);
}

CalibrationInterval calibration_interval(std::span<const double> confidence,
                                         std::span<const double> correct, const Binning& binning,
                                         std::int64_t num_resamples, std::uint64_t seed,
                                         double level) {
  require_answers(confidence, correct);
  require_binning(binning);
  detail::require_open_unit(level, "confidence");
  if (num_resamples < 1) detail::invalid_argument("a bootstrap needs a resample");
  const std::size_t n = confidence.size();
  Random random(seed);
  std::vector<double> drawn_confidence(n);
  std::vector<double> drawn_correct(n);
  std::vector<double> expected;
  std::vector<double> root_mean_square;
  for (std::int64_t r = 0; r < num_resamples; ++r) {
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t k = random.below(n);
      drawn_confidence[i] = confidence[k];
      drawn_correct[i] = correct[k];
    }
    const CalibrationError error = error_of(drawn_confidence, drawn_correct, binning);
    expected.push_back(error.expected);
    root_mean_square.push_back(error.root_mean_square);
  }
  const double tail = (1 - level) / 2;
  return {{quantile(expected, tail), quantile(expected, 1 - tail)},
          {quantile(root_mean_square, tail), quantile(root_mean_square, 1 - tail)},
          seed};
}

double brier_score(std::span<const double> confidence, std::span<const double> correct) {
  require_answers(confidence, correct);
  double sum = 0;
  for (std::size_t i = 0; i < confidence.size(); ++i) {
    sum += (confidence[i] - correct[i]) * (confidence[i] - correct[i]);
  }
  return sum / static_cast<double>(confidence.size());
}

double log_loss(std::span<const double> confidence, std::span<const double> correct) {
  require_answers(confidence, correct);
  constexpr double kClip = 1e-15;
  double sum = 0;
  for (std::size_t i = 0; i < confidence.size(); ++i) {
    const double p = std::clamp(confidence[i], kClip, 1 - kClip);
    sum -= correct[i] * std::log(p) + (1 - correct[i]) * std::log1p(-p);
  }
  return sum / static_cast<double>(confidence.size());
}

double area_under_roc(std::span<const double> positives, std::span<const double> negatives) {
  if (positives.empty() || negatives.empty()) {
    detail::not_estimable("a ROC curve needs answers of both classes");
  }
  detail::require_finite(positives, "a score");
  detail::require_finite(negatives, "a score");
  std::vector<double> sorted(negatives.begin(), negatives.end());
  std::sort(sorted.begin(), sorted.end());
  double wins = 0;
  for (const double score : positives) {
    const auto [first, last] = std::equal_range(sorted.begin(), sorted.end(), score);
    wins += static_cast<double>(first - sorted.begin()) + static_cast<double>(last - first) / 2;
  }
  return wins / static_cast<double>(positives.size()) / static_cast<double>(negatives.size());
}

}  // namespace peira::stats
