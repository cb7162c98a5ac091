#include "stats/equivalence.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "stats/detail/checks.h"
#include "stats/detail/welch.h"

namespace peira::stats {
namespace {

PValue upper_tail(double statistic, std::optional<double> df) {
  return df ? t_p_value(statistic, *df, Alternative::kGreater)
            : normal_p_value(statistic, Alternative::kGreater);
}

void require_estimate(double estimate, double std_error) {
  detail::require_finite(estimate, "an estimate");
  detail::require_finite(std_error, "a standard error");
  if (std_error < 0) detail::invalid_argument("a standard error must not be negative");
}

// A standard error no larger than rounding leaves of equal numbers.
bool is_zero(double std_error, double estimate) {
  return std_error <= 4 * std::numeric_limits<double>::epsilon() * std::abs(estimate);
}

}  // namespace

Equivalence equivalence_test(double estimate, double std_error, std::optional<double> df,
                             const EquivalenceBounds& bounds, double alpha) {
  require_estimate(estimate, std_error);
  if (!(bounds.low < bounds.high) || !std::isfinite(bounds.low) || !std::isfinite(bounds.high)) {
    detail::invalid_argument("equivalence bounds must be finite and low below high, are " +
                             std::to_string(bounds.low) + " and " + std::to_string(bounds.high));
  }
  if (!(alpha > 0 && alpha < 0.5)) {
    throw StatsError("InvalidProbability",
                     "alpha must lie between 0 and 1/2, is " + std::to_string(alpha));
  }
  Equivalence result;
  result.estimate = estimate;
  result.std_error = std_error;
  result.df = df;
  if (is_zero(std_error, estimate)) {
    result.warnings.emplace_back("zero_variance");
    result.p_low = estimate > bounds.low ? 0 : 1;
    result.p_high = estimate < bounds.high ? 0 : 1;
    result.interval = {estimate, estimate};
  } else {
    result.statistic_low = (estimate - bounds.low) / std_error;
    result.statistic_high = (estimate - bounds.high) / std_error;
    const PValue low = upper_tail(*result.statistic_low, df);
    const PValue high = upper_tail(-*result.statistic_high, df);
    result.p_low = low.value;
    result.p_high = high.value;
    result.log10_p = std::max(low.log10, high.log10);
    const double reach = (df ? t_quantile(1 - alpha, *df) : normal_quantile(1 - alpha)) * std_error;
    result.interval = {estimate - reach, estimate + reach};
  }
  result.p = std::max(result.p_low, result.p_high);
  result.equivalent = result.p < alpha;
  return result;
}

Equivalence equivalence_paired(const ClusteredMean& differences, const EquivalenceBounds& bounds,
                               double alpha) {
  detail::require_count(differences.num_clusters(), 2, "pairs or clusters of pairs");
  const MeanEstimate mean = differences.estimate();
  return equivalence_test(mean.mean, *mean.std_error, mean.df, bounds, alpha);
}

Equivalence equivalence_paired(std::span<const double> differences, const EquivalenceBounds& bounds,
                               double alpha) {
  ClusteredMean mean;
  for (const double difference : differences) mean.add(difference);
  return equivalence_paired(mean, bounds, alpha);
}

Equivalence equivalence_welch(const Moments& a, const Moments& b, const EquivalenceBounds& bounds,
                              double alpha) {
  detail::require_count(a.count(), 2, "values of arm a");
  detail::require_count(b.count(), 2, "values of arm b");
  const double difference = b.mean() - a.mean();
  if (a.sum_squared_deviations() + b.sum_squared_deviations() == 0) {
    return equivalence_test(difference, 0, std::nullopt, bounds, alpha);
  }
  const detail::WelchError error = detail::welch_error(a, b);
  return equivalence_test(difference, error.std_error, error.df, bounds, alpha);
}

NonInferiority non_inferiority(double estimate, double std_error, std::optional<double> df,
                               const NonInferiorityOptions& options) {
  require_estimate(estimate, std_error);
  if (!(options.margin > 0) || !std::isfinite(options.margin)) {
    detail::invalid_argument("a non-inferiority margin must be positive, is " +
                             std::to_string(options.margin));
  }
  detail::require_open_unit(options.alpha, "alpha");
  NonInferiority result;
  result.difference = estimate;
  const double gain = options.better == Better::kHigher ? estimate : -estimate;
  if (is_zero(std_error, estimate)) {
    result.warnings.emplace_back("zero_variance");
    result.p_value = gain > -options.margin ? 0 : 1;
  } else {
    result.statistic = (gain + options.margin) / std_error;
    const PValue p = upper_tail(*result.statistic, df);
    result.p_value = p.value;
    result.log10_p = p.log10;
  }
  result.non_inferior = result.p_value < options.alpha;
  return result;
}

NonInferiority non_inferior_pairs(const PairedCounts& counts,
                                  const NonInferiorityOptions& options) {
  if (!(options.margin > 0 && options.margin < 1)) {
    detail::invalid_argument("a margin of shares must lie between 0 and 1, is " +
                             std::to_string(options.margin));
  }
  detail::require_open_unit(options.alpha, "alpha");
  // Where lower is better, what is to be rare is taken for wrong.
  const PairedCounts gains =
      options.better == Better::kHigher
          ? counts
          : PairedCounts{counts.both_wrong, counts.only_b, counts.only_a, counts.both_right};
  NonInferiority result;
  // With a margin inside (0, 1) the variance is positive whatever the counts.
  result.statistic = tango_score(gains, -options.margin);
  result.difference =
      static_cast<double>(counts.only_b - counts.only_a) / static_cast<double>(counts.total());
  const PValue p = normal_p_value(*result.statistic, Alternative::kGreater);
  result.p_value = p.value;
  result.log10_p = p.log10;
  result.non_inferior = result.p_value < options.alpha;
  return result;
}

double absolute_margin(double relative, double baseline) {
  const double margin = relative * std::abs(baseline);
  if (!(margin > 0) || !std::isfinite(margin)) {
    detail::invalid_argument("a relative margin of " + std::to_string(relative) + " of " +
                             std::to_string(baseline) + " is not positive");
  }
  return margin;
}

}  // namespace peira::stats
