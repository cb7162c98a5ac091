#include "stats/ratio_metrics.h"

#include <algorithm>
#include <cmath>

#include "stats/detail/checks.h"
#include "stats/detail/welch.h"

namespace peira::stats {

Interval RatioEstimate::t_interval(double confidence) const {
  return stats::t_interval(ratio, std_error, df, confidence);
}

RatioEstimate ratio_metric(const PairedMoments& units) {
  const std::int64_t n = units.a().count();
  detail::require_count(n, 2, "units of a ratio metric");
  const double denominator = units.b().mean();
  if (denominator == 0) detail::not_estimable("the mean denominator of a ratio is 0");
  RatioEstimate estimate;
  estimate.num_units = n;
  estimate.df = static_cast<double>(n - 1);
  estimate.ratio = units.a().mean() / denominator;
  const double r = estimate.ratio;
  // Of the residuals y - R x, whose squares rounding may take below 0.
  const double variance =
      *units.a().variance() - 2 * r * *units.covariance() + r * r * *units.b().variance();
  estimate.std_error =
      std::sqrt(std::max(0.0, variance) / static_cast<double>(n)) / std::abs(denominator);
  return estimate;
}

RatioEstimate ratio_metric(std::span<const double> numerators,
                           std::span<const double> denominators) {
  detail::require_same_length(numerators.size(), denominators.size(),
                              "numerators and denominators");
  PairedMoments units;
  for (std::size_t i = 0; i < numerators.size(); ++i) units.add(numerators[i], denominators[i]);
  return ratio_metric(units);
}

TTest ratio_metric_test(const PairedMoments& a, const PairedMoments& b,
                        const TestOptions& options) {
  const RatioEstimate ratio_a = ratio_metric(a);
  const RatioEstimate ratio_b = ratio_metric(b);
  const detail::WelchError error =
      detail::welch_error(ratio_a.std_error * ratio_a.std_error, ratio_a.df,
                          ratio_b.std_error * ratio_b.std_error, ratio_b.df);
  return t_test_from(ratio_b.ratio - ratio_a.ratio, error.std_error, error.df,
                     std::max(std::abs(ratio_a.ratio), std::abs(ratio_b.ratio)), options,
                     "constant_data");
}

RelativeLift relative_lift(const ArmEstimate& a, const ArmEstimate& b, double confidence,
                           double covariance) {
  for (const double value : {a.mean, b.mean, a.std_error, b.std_error, covariance}) {
    detail::require_finite(value, "an estimate of a lift");
  }
  if (a.std_error < 0 || b.std_error < 0) {
    detail::invalid_argument("a standard error must not be negative");
  }
  if (std::abs(covariance) > a.std_error * b.std_error * (1 + 1e-9)) {
    detail::invalid_argument("a covariance is larger than both standard errors allow");
  }
  if (a.mean == 0) detail::not_estimable("the baseline's mean is 0: it has no relative lift");
  const double z = detail::two_sided_z(confidence);
  const double sign = a.mean < 0 ? -1 : 1;  // of a ratio of R, the lift is sign (R - 1)
  const double ratio = b.mean / a.mean;
  const double variance_a = a.std_error * a.std_error;
  const double variance_b = b.std_error * b.std_error;

  RelativeLift result;
  result.lift = (b.mean - a.mean) / std::abs(a.mean);
  const double spread = variance_b - 2 * ratio * covariance + ratio * ratio * variance_a;
  result.std_error = std::sqrt(std::max(0.0, spread)) / std::abs(a.mean);
  result.delta_interval = {result.lift - z * result.std_error, result.lift + z * result.std_error};

  // (ma^2 - z^2 va) R^2 - 2 (ma mb - z^2 cov) R + (mb^2 - z^2 vb) <= 0, divided by ma^2.
  const double z_sq_over_mean = z / a.mean * (z / a.mean);
  const double g = z_sq_over_mean * variance_a;
  if (g >= 1) {
    result.warnings.emplace_back("baseline_near_zero");
    return result;
  }
  const double middle = ratio - z_sq_over_mean * covariance;
  // middle^2 - (1 - g)(R^2 - z^2 vb / ma^2), its large terms R^2 taken out by hand.
  const double k = z_sq_over_mean;
  const double discriminant =
      k * (spread + k * (covariance * covariance - variance_a * variance_b));
  const double root = std::sqrt(std::max(0.0, discriminant));
  const double low = sign * ((middle - root) / (1 - g) - 1);
  const double high = sign * ((middle + root) / (1 - g) - 1);
  result.fieller_interval = Interval{std::min(low, high), std::max(low, high)};
  return result;
}

RelativeLift relative_lift(const Moments& a, const Moments& b, double confidence) {
  detail::require_count(a.count(), 2, "values of arm a");
  detail::require_count(b.count(), 2, "values of arm b");
  return relative_lift(ArmEstimate{a.mean(), *a.std_error()}, ArmEstimate{b.mean(), *b.std_error()},
                       confidence);
}

}  // namespace peira::stats
