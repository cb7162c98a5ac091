#include "stats/prediction_powered.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "stats/detail/checks.h"

namespace peira::stats {
namespace {

constexpr std::int64_t kFewLabels = 30;

void require_sums(const PredictionPoweredSums& sums) {
  detail::require_count(sums.labelled.a().count(), 2, "labelled items");
  detail::require_count(sums.unlabelled.count(), 1, "unlabelled items");
}

PredictionPoweredMean estimate_with(const PredictionPoweredSums& sums, double lambda) {
  const Moments& label = sums.labelled.a();
  const Moments& judge = sums.labelled.b();
  const double n = static_cast<double>(label.count());
  const double num_unlabelled = static_cast<double>(sums.unlabelled.count());
  PredictionPoweredMean result;
  result.lambda = lambda;
  result.lambda_raw = lambda;
  result.num_labelled = label.count();
  result.num_unlabelled = sums.unlabelled.count();
  result.estimate = label.mean() + lambda * (sums.unlabelled.mean() - judge.mean());
  // Squared deviations of the rectifier y - lambda f, whose squares rounding may take below 0.
  const double rectifier =
      std::max(0.0, label.sum_squared_deviations() - 2 * lambda * sums.labelled.sum_of_products() +
                        lambda * lambda * judge.sum_squared_deviations());
  const double judged = lambda * lambda * sums.unlabelled.sum_squared_deviations();
  result.std_error = std::sqrt(judged / num_unlabelled / num_unlabelled + rectifier / n / n);
  if (label.count() < kFewLabels) result.warnings.emplace_back("few_labels");
  return result;
}

}  // namespace

Interval PredictionPoweredMean::interval(double confidence) const {
  const double reach = detail::two_sided_z(confidence) * std_error;
  return {estimate - reach, estimate + reach};
}

PredictionPoweredMean prediction_powered_mean(const PredictionPoweredSums& sums, double lambda) {
  require_sums(sums);
  if (!std::isfinite(lambda)) detail::invalid_argument("lambda must be finite");
  return estimate_with(sums, lambda);
}

PredictionPoweredMean prediction_powered_mean(const PredictionPoweredSums& sums) {
  require_sums(sums);
  Moments judge = sums.labelled.b();
  judge.merge(sums.unlabelled);
  const double n = static_cast<double>(sums.labelled.a().count());
  const double num_unlabelled = static_cast<double>(sums.unlabelled.count());
  const double variance = *judge.variance();
  const double noise = 4 * std::numeric_limits<double>::epsilon() * std::abs(judge.mean());
  if (variance <= noise * noise) {
    PredictionPoweredMean result = estimate_with(sums, 0);
    result.warnings.emplace_back("constant_judge");
    return result;
  }
  const double raw = sums.labelled.sum_of_products() / n / ((1 + n / num_unlabelled) * variance);
  PredictionPoweredMean result = estimate_with(sums, std::clamp(raw, 0.0, 1.0));
  result.lambda_raw = raw;
  return result;
}

PredictionPoweredSums prediction_powered_sums(std::span<const double> labels,
                                              std::span<const double> judged_labelled,
                                              std::span<const double> judged_unlabelled) {
  detail::require_same_length(labels.size(), judged_labelled.size(), "labels and judge's scores");
  PredictionPoweredSums sums;
  for (std::size_t i = 0; i < labels.size(); ++i) sums.labelled.add(labels[i], judged_labelled[i]);
  for (const double score : judged_unlabelled) sums.unlabelled.add(score);
  return sums;
}

}  // namespace peira::stats
