#include "stats/effect_sizes.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "stats/detail/checks.h"
#include "stats/distributions.h"
#include "stats/root_finding.h"

namespace peira::stats {
namespace {

// A standard deviation no larger than rounding leaves of equal numbers.
bool is_zero(double std_dev, double scale) {
  return std_dev <= 4 * std::numeric_limits<double>::epsilon() * std::abs(scale);
}

Interval scaled(const Interval& interval, double factor) {
  return {interval.low * factor, interval.high * factor};
}

// Counts of the values of `sorted` below and equal to `value`.
struct Place {
  double below = 0;
  double equal = 0;
};

Place place_of(const std::vector<double>& sorted, double value) {
  const auto [first, last] = std::equal_range(sorted.begin(), sorted.end(), value);
  return {static_cast<double>(first - sorted.begin()), static_cast<double>(last - first)};
}

std::vector<double> sorted_copy(std::span<const double> values) {
  for (const double value : values) detail::require_finite(value, "a value");
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

// Squared deviations from `mean` of each value's dominance over `others`: share of them below less
// share above, times `sign`.
double dominance_squares(const std::vector<double>& values, const std::vector<double>& others,
                         double mean, double sign) {
  const double n = static_cast<double>(others.size());
  double sum = 0;
  for (const double value : values) {
    const Place place = place_of(others, value);
    const double dominance = sign * (2 * place.below + place.equal - n) / n;
    sum += (dominance - mean) * (dominance - mean);
  }
  return sum;
}

}  // namespace

double hedges_correction(double degrees_of_freedom) {
  if (!(degrees_of_freedom > 1)) {
    detail::invalid_argument("Hedges' correction needs more than one degree of freedom");
  }
  // Two large logarithms would cancel; Stirling's formula takes their difference apart.
  const double half = degrees_of_freedom / 2;
  return std::exp(-(half - 1) * std::log1p(-0.5 / half) - 0.5 + stirling_error(half) -
                  stirling_error(half - 0.5));
}

Interval noncentrality_interval(double t, double df, double confidence) {
  detail::require_open_unit(confidence, "confidence");
  if (!(df > 0)) detail::invalid_argument("degrees of freedom must be positive");
  detail::require_finite(t, "t");
  const double alpha = 1 - confidence;
  const double spread = std::sqrt(1 + t * t / (2 * df));
  // The noncentrality under which P(T <= t) is `probability`.
  const auto solve = [&](double probability) {
    const auto excess = [&](double delta) { return noncentral_t_cdf(t, df, delta) - probability; };
    double reach = 10 + spread;
    double low = t - reach;
    double high = t + reach;
    for (int i = 0; i < 60 && excess(low) < 0; ++i) low -= (reach *= 2);
    reach = 10 + spread;
    for (int i = 0; i < 60 && excess(high) > 0; ++i) high += (reach *= 2);
    return find_root(excess, low, high);
  };
  return {solve(1 - alpha / 2), solve(alpha / 2)};
}

StandardizedDifference standardized_difference(const Moments& a, const Moments& b,
                                               double confidence) {
  detail::require_count(a.count(), 1, "values of arm a");
  detail::require_count(b.count(), 1, "values of arm b");
  detail::require_count(a.count() + b.count(), 4, "values of both arms");
  const double na = static_cast<double>(a.count());
  const double nb = static_cast<double>(b.count());
  const double m = na + nb - 2;
  const double pooled = std::sqrt((a.sum_squared_deviations() + b.sum_squared_deviations()) / m);
  if (is_zero(pooled, std::max(std::abs(a.mean()), std::abs(b.mean())))) {
    detail::zero_variance("neither arm varies, so a difference has no size in units of spread");
  }
  StandardizedDifference result;
  result.cohens_d = (b.mean() - a.mean()) / pooled;
  result.correction = hedges_correction(m);
  result.hedges_g = result.correction * result.cohens_d;
  const double root = std::sqrt(na * nb / (na + nb));
  result.noncentrality = noncentrality_interval(result.cohens_d * root, m, confidence);
  result.d_interval = scaled(result.noncentrality, 1 / root);
  result.g_interval = scaled(result.d_interval, result.correction);
  if (const std::optional<double> sd = a.std_dev(); sd && !is_zero(*sd, a.mean())) {
    result.glass_delta = (b.mean() - a.mean()) / *sd;
  }
  return result;
}

PairedEffect paired_effect(const PairedMoments& pairs, double confidence) {
  const std::int64_t n = pairs.a().count();
  detail::require_count(n, 3, "pairs");
  const double count = static_cast<double>(n);
  const double va = *pairs.a().variance();
  const double vb = *pairs.b().variance();
  const double mean = pairs.b().mean() - pairs.a().mean();
  const double sd = std::sqrt(std::max(0.0, va + vb - 2 * *pairs.covariance()));
  const double scale = std::max(
      {std::abs(pairs.a().mean()), std::abs(pairs.b().mean()), std::sqrt(va), std::sqrt(vb)});
  if (is_zero(sd, scale)) detail::zero_variance("the differences do not vary");
  PairedEffect result;
  result.d_z = mean / sd;
  const double root = std::sqrt(count);
  result.d_z_interval =
      scaled(noncentrality_interval(result.d_z * root, count - 1, confidence), 1 / root);
  result.g_z = hedges_correction(count - 1) * result.d_z;
  result.d_av = mean / std::sqrt((va + vb) / 2);
  result.correlation = pairs.correlation();
  if (result.correlation) {
    result.d_rm = result.d_z * std::sqrt(2 * std::max(0.0, 1 - *result.correlation));
  }
  return result;
}

CliffsDelta cliffs_delta(std::span<const double> a, std::span<const double> b, double confidence) {
  detail::require_open_unit(confidence, "confidence");
  detail::require_count(static_cast<std::int64_t>(a.size()), 2, "values of arm a");
  detail::require_count(static_cast<std::int64_t>(b.size()), 2, "values of arm b");
  const std::vector<double> sorted_a = sorted_copy(a);
  const std::vector<double> sorted_b = sorted_copy(b);
  const double na = static_cast<double>(a.size());
  const double nb = static_cast<double>(b.size());
  double wins = 0;
  double losses = 0;
  for (const double value : sorted_b) {
    const Place place = place_of(sorted_a, value);
    wins += place.below;
    losses += na - place.below - place.equal;
  }
  CliffsDelta result;
  result.delta = (wins - losses) / (na * nb);
  result.a12 = (result.delta + 1) / 2;
  const double d = result.delta;
  // Over all pairs: a win or a loss squares to 1, a tie to 0.
  const double all_squares = wins + losses - na * nb * d * d;
  const double rows = dominance_squares(sorted_b, sorted_a, d, 1);
  const double columns = dominance_squares(sorted_a, sorted_b, d, -1);
  result.variance =
      (na * na * rows + nb * nb * columns - all_squares) / (na * nb * (na - 1) * (nb - 1));
  if (std::abs(d) == 1) {
    result.variance = 0;
    result.warnings.emplace_back("complete_separation");
    result.interval = {d, d};
    return result;
  }
  if (result.variance < 0) {
    result.variance = 0;
    result.warnings.emplace_back("negative_variance");
  }
  const double t = t_quantile(1 - (1 - confidence) / 2, na + nb - 2);
  const double ts2 = t * t * result.variance;
  const double reach = std::sqrt(ts2) * std::sqrt((1 - d * d) * (1 - d * d) + ts2);
  const double divisor = 1 - d * d + ts2;
  result.interval = {(d - d * d * d - reach) / divisor, (d - d * d * d + reach) / divisor};
  return result;
}

}  // namespace peira::stats
