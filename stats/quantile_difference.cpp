#include "stats/quantile_difference.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "stats/detail/checks.h"
#include "stats/distributions.h"
#include "stats/moments.h"
#include "stats/quantiles.h"
#include "stats/random.h"

namespace peira::stats {
namespace {

// The value of rank ceil(n u), from 1, of a sorted sample.
double resampled(std::span<const double> sorted, double u) {
  const double n = static_cast<double>(sorted.size());
  const double rank = std::clamp(std::ceil(n * u), 1.0, n);
  return sorted[static_cast<std::size_t>(rank) - 1];
}

// One replicate of the type-7 p-quantile.
double replicate(std::span<const double> sorted, double p, Random& random) {
  const double n = static_cast<double>(sorted.size());
  const double position = (n - 1) * p;
  const double k = std::floor(position) + 1;
  const double fraction = position - std::floor(position);
  // Always two draws, so that the stream does not depend on the fraction.
  const double first = random.uniform();
  const double second = random.uniform();
  const double u = first > 0 ? beta_quantile(first, k, n - k + 1) : 0.0;
  const double low = resampled(sorted, u);
  if (fraction == 0 || k >= n) return low;
  const double next = u + (1 - u) * (1 - std::pow(1 - second, 1 / (n - k)));
  return low + fraction * (resampled(sorted, next) - low);
}

}  // namespace

QuantileDifference quantile_difference(std::span<const double> sorted_a,
                                       std::span<const double> sorted_b, double p,
                                       const QuantileDifferenceOptions& options) {
  detail::require_open_unit(p, "a quantile's probability");
  detail::require_open_unit(options.confidence, "confidence");
  if (options.num_resamples < 2) detail::invalid_argument("a bootstrap needs two resamples");
  detail::require_count(static_cast<std::int64_t>(sorted_a.size()), 2, "values of arm a");
  detail::require_count(static_cast<std::int64_t>(sorted_b.size()), 2, "values of arm b");
  QuantileDifference result;
  result.quantile_a = sorted_quantile(sorted_a, p);
  result.quantile_b = sorted_quantile(sorted_b, p);
  result.estimate = result.quantile_b - result.quantile_a;

  Random random(options.seed);
  std::vector<double> replicates(static_cast<std::size_t>(options.num_resamples));
  Moments moments;
  std::int64_t at_most_zero = 0;
  std::int64_t at_least_zero = 0;
  for (double& value : replicates) {
    const double a = replicate(sorted_a, p, random);
    value = replicate(sorted_b, p, random) - a;
    moments.add(value);
    at_most_zero += value <= 0 ? 1 : 0;
    at_least_zero += value >= 0 ? 1 : 0;
  }
  std::sort(replicates.begin(), replicates.end());
  const double alpha = 1 - options.confidence;
  result.interval = {sorted_quantile(replicates, alpha / 2),
                     sorted_quantile(replicates, 1 - alpha / 2)};
  result.std_error = *moments.std_dev();
  result.p_value =
      std::min(1.0, 2 * static_cast<double>(1 + std::min(at_most_zero, at_least_zero)) /
                        static_cast<double>(1 + options.num_resamples));
  if (replicates.front() == replicates.back()) {
    result.warnings.emplace_back("degenerate");
    result.interval = {result.estimate, result.estimate};
  }
  return result;
}

}  // namespace peira::stats
