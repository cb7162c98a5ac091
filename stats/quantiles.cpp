#include "stats/quantiles.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "stats/detail/checks.h"
#include "stats/distributions.h"

namespace peira::stats {
namespace {

std::vector<double> sorted_copy(std::span<const double> values) {
  if (values.empty()) detail::empty_input("a quantile of no values");
  detail::require_finite(values, "a value");
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

}  // namespace

double sorted_quantile(std::span<const double> sorted, double p) {
  detail::require_unit(p, "a quantile's probability");
  if (sorted.empty()) detail::empty_input("a quantile of no values");
  const double h = static_cast<double>(sorted.size() - 1) * p;
  const std::size_t below = static_cast<std::size_t>(h);
  if (below + 1 >= sorted.size()) return sorted.back();
  const double share = h - static_cast<double>(below);
  return sorted[below] + share * (sorted[below + 1] - sorted[below]);
}

double quantile(std::span<const double> values, double p) {
  return sorted_quantile(sorted_copy(values), p);
}

QuantileInterval quantile_interval(std::span<const double> values, double p, double confidence) {
  detail::require_open_unit(p, "a quantile's probability");
  detail::require_open_unit(confidence, "confidence");
  const std::vector<double> sorted = sorted_copy(values);
  const std::int64_t n = static_cast<std::int64_t>(sorted.size());
  const double tail = (1 - confidence) / 2;
  QuantileInterval result;
  result.estimate = sorted_quantile(sorted, p);
  result.low_rank = binomial_quantile(tail, n, p);
  result.high_rank = binomial_quantile(1 - tail, n, p) + 1;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  result.low =
      result.low_rank < 1 ? -kInfinity : sorted[static_cast<std::size_t>(result.low_rank - 1)];
  result.high =
      result.high_rank > n ? kInfinity : sorted[static_cast<std::size_t>(result.high_rank - 1)];
  result.coverage =
      binomial_cdf(result.high_rank - 1, n, p) - binomial_cdf(result.low_rank - 1, n, p);
  return result;
}

std::vector<double> cap_at_quantile(std::span<const double> values, std::span<const double> pooled,
                                    double p) {
  const double cap = quantile(pooled, p);
  detail::require_finite(values, "a value");
  std::vector<double> capped(values.begin(), values.end());
  for (double& value : capped) value = std::min(value, cap);
  return capped;
}

}  // namespace peira::stats
