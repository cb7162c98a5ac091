#include "stats/multiple_comparisons.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <string>

#include "base/error.h"
#include "stats/detail/checks.h"

namespace peira::stats {
namespace {

// Indices of `p_values` from the smallest to the largest, equal ones in the order given.
std::vector<std::size_t> ascending(std::span<const double> p_values) {
  for (const double p : p_values) {
    if (!(p >= 0 && p <= 1)) {
      throw StatsError("InvalidProbability", "a p-value is " + std::to_string(p));
    }
  }
  std::vector<std::size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t i, std::size_t j) { return p_values[i] < p_values[j]; });
  return order;
}

// Step-up: running minimum, from the largest p down, of factor(rank) * p; rank counts from 1.
template <typename Factor>
std::vector<double> step_up(std::span<const double> p_values, Factor factor) {
  const std::vector<std::size_t> order = ascending(p_values);
  std::vector<double> adjusted(p_values.size());
  double smallest = 1;
  for (std::size_t rank = order.size(); rank > 0; --rank) {
    const std::size_t i = order[rank - 1];
    smallest = std::min(smallest, factor(static_cast<double>(rank)) * p_values[i]);
    adjusted[i] = smallest;
  }
  return adjusted;
}

}  // namespace

std::vector<double> bonferroni(std::span<const double> p_values) {
  const double m = static_cast<double>(p_values.size());
  std::vector<double> adjusted(p_values.size());
  for (const std::size_t i : ascending(p_values)) adjusted[i] = std::min(1.0, m * p_values[i]);
  return adjusted;
}

std::vector<double> holm(std::span<const double> p_values) {
  const std::vector<std::size_t> order = ascending(p_values);
  std::vector<double> adjusted(p_values.size());
  double largest = 0;
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    const double factor = static_cast<double>(order.size() - rank);
    largest = std::max(largest, std::min(1.0, factor * p_values[order[rank]]));
    adjusted[order[rank]] = largest;
  }
  return adjusted;
}

std::vector<double> hochberg(std::span<const double> p_values) {
  const double m = static_cast<double>(p_values.size());
  return step_up(p_values, [m](double rank) { return m - rank + 1; });
}

std::vector<double> benjamini_hochberg(std::span<const double> p_values) {
  const double m = static_cast<double>(p_values.size());
  return step_up(p_values, [m](double rank) { return m / rank; });
}

std::vector<double> benjamini_yekutieli(std::span<const double> p_values) {
  const double m = static_cast<double>(p_values.size());
  double harmonic = 0;
  for (std::size_t i = 1; i <= p_values.size(); ++i) harmonic += 1 / static_cast<double>(i);
  return step_up(p_values, [=](double rank) { return harmonic * m / rank; });
}

PreferentialAlphas preferential_bonferroni(double alpha, double primary_share,
                                           std::int64_t num_metrics, std::int64_t num_treatments) {
  detail::require_open_unit(alpha, "alpha");
  detail::require_open_unit(primary_share, "the primary metric's share of alpha");
  if (num_metrics < 1 || num_treatments < 1) {
    detail::invalid_argument("a family needs one metric and one treatment or more");
  }
  const double each = alpha / static_cast<double>(num_treatments);
  if (num_metrics == 1) return {each, std::nullopt};
  return {primary_share * each, (1 - primary_share) * each / static_cast<double>(num_metrics - 1)};
}

}  // namespace peira::stats
