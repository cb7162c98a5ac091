#include "stats/e_values.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "stats/detail/checks.h"

namespace peira::stats {
namespace {

void require_e_value(double e) {
  if (!(e >= 0)) detail::invalid_argument("an e-value is " + std::to_string(e));
}

}  // namespace

std::vector<std::size_t> e_benjamini_hochberg(std::span<const double> e_values, double alpha) {
  detail::require_open_unit(alpha, "alpha");
  for (const double e : e_values) require_e_value(e);
  std::vector<std::size_t> order(e_values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t i, std::size_t j) { return e_values[i] > e_values[j]; });
  const double total = static_cast<double>(e_values.size());
  std::size_t rejected = 0;
  for (std::size_t k = 1; k <= order.size(); ++k) {
    if (static_cast<double>(k) * e_values[order[k - 1]] * alpha >= total) rejected = k;
  }
  order.resize(rejected);
  std::sort(order.begin(), order.end());
  return order;
}

double mean_e_value(std::span<const double> e_values) {
  if (e_values.empty()) detail::empty_input("a mean of no e-values");
  double sum = 0;
  for (const double e : e_values) {
    require_e_value(e);
    sum += e;
  }
  return sum / static_cast<double>(e_values.size());
}

double log_product_e_value(std::span<const double> e_values) {
  double sum = 0;
  bool zero = false;
  bool infinite = false;
  for (const double e : e_values) {
    require_e_value(e);
    zero = zero || e == 0;
    infinite = infinite || std::isinf(e);
    sum += std::log(e);
  }
  if (zero && infinite) detail::not_estimable("a product of 0 and infinity");
  return sum;
}

double p_from_e(double e_value) {
  require_e_value(e_value);
  return e_value <= 1 ? 1 : 1 / e_value;
}

double e_from_p(double p_value) {
  detail::require_unit(p_value, "a p-value");
  if (p_value == 0) return std::numeric_limits<double>::infinity();
  const double m = -std::log(p_value);
  // (e^m - 1 - m) / m^2
  if (m > 0.1) return (std::expm1(m) - m) / m / m;
  double term = 0.5;
  double sum = 0;
  for (int k = 3; k < 14; ++k) {
    sum += term;
    term *= m / k;
  }
  return sum;
}

}  // namespace peira::stats
