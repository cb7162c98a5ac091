#include "stats/goodness_of_fit.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <string>
#include <vector>

#include "stats/detail/checks.h"

namespace peira::stats {
namespace {

// A square matrix and the power of ten that was taken out of it.
struct ScaledMatrix {
  std::vector<double> values;  // [size * size]
  int exponent = 0;
};

constexpr double kLarge = 1e140;
constexpr int kLargeExponent = 140;

ScaledMatrix product(const ScaledMatrix& a, const ScaledMatrix& b, std::size_t size) {
  ScaledMatrix result;
  result.values.assign(size * size, 0);
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t k = 0; k < size; ++k) {
      const double factor = a.values[i * size + k];
      if (factor == 0) continue;
      for (std::size_t j = 0; j < size; ++j) {
        result.values[i * size + j] += factor * b.values[k * size + j];
      }
    }
  }
  result.exponent = a.exponent + b.exponent;
  // The middle is the largest that matters: powers grow past a double without this.
  if (result.values[(size / 2) * size + size / 2] > kLarge) {
    for (double& value : result.values) value /= kLarge;
    result.exponent += kLargeExponent;
  }
  return result;
}

ScaledMatrix power(ScaledMatrix base, std::int64_t n, std::size_t size) {
  ScaledMatrix result;
  result.values.assign(size * size, 0);
  for (std::size_t i = 0; i < size; ++i) result.values[i * size + i] = 1;
  for (; n > 0; n /= 2) {
    if (n % 2 == 1) result = product(result, base, size);
    if (n > 1) base = product(base, base, size);
  }
  return result;
}

double limit_upper_tail(double lambda) {
  // Terms of the alternating series fall like exp(-2 k^2 lambda^2); below 0.2 the tail is 1 to
  // double precision while the series no longer converges.
  if (lambda < 0.2) return 1;
  double sum = 0;
  for (int k = 1; k <= 100; ++k) {
    const double term = std::exp(-2.0 * k * k * lambda * lambda);
    sum += (k % 2 == 1 ? term : -term);
    if (term < 1e-18) break;
  }
  return std::clamp(2 * sum, 0.0, 1.0);
}

}  // namespace

double kolmogorov_cdf(double d, std::int64_t n) {
  if (n < 1) detail::invalid_argument("the number of values must be positive");
  if (d <= 0.5 / static_cast<double>(n)) return 0;
  if (d >= 1) return 1;
  const double nd = static_cast<double>(n) * d;
  const auto k = static_cast<std::int64_t>(nd) + 1;
  const auto size = static_cast<std::size_t>(2 * k - 1);
  const double h = static_cast<double>(k) - nd;
  ScaledMatrix matrix;
  matrix.values.assign(size * size, 0);
  const auto at = [&matrix, size](std::size_t i, std::size_t j) -> double& {
    return matrix.values[i * size + j];
  };
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t j = 0; j < std::min(size, i + 2); ++j) at(i, j) = 1;
  }
  for (std::size_t i = 0; i < size; ++i) {
    at(i, 0) -= std::pow(h, static_cast<double>(i + 1));
    at(size - 1, i) -= std::pow(h, static_cast<double>(size - i));
  }
  at(size - 1, 0) += 2 * h - 1 > 0 ? std::pow(2 * h - 1, static_cast<double>(size)) : 0;
  for (std::size_t i = 0; i < size; ++i) {
    double factorial = 1;
    for (std::size_t j = 0; j < std::min(size, i + 1); ++j) {
      // Divides (i, i) by 1!, (i, i - 1) by 2! and so on.
      const std::size_t column = i - j;
      factorial *= static_cast<double>(j + 1);
      at(i, column) /= factorial;
    }
  }
  const ScaledMatrix raised = power(std::move(matrix), n, size);
  double result =
      raised.values[static_cast<std::size_t>(k - 1) * size + static_cast<std::size_t>(k - 1)];
  int exponent = raised.exponent;
  for (std::int64_t i = 1; i <= n; ++i) {
    result *= static_cast<double>(i) / static_cast<double>(n);
    if (result < 1 / kLarge) {
      result *= kLarge;
      exponent -= kLargeExponent;
    }
  }
  return std::clamp(result * std::pow(10.0, exponent), 0.0, 1.0);
}

KolmogorovSmirnov uniform_test(std::span<const double> values) {
  if (values.empty()) detail::empty_input("no values to test");
  for (const double value : values) detail::require_unit(value, "a value");
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  KolmogorovSmirnov test;
  test.num_values = static_cast<std::int64_t>(sorted.size());
  const double n = static_cast<double>(sorted.size());
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const double below = static_cast<double>(i) / n;
    const double above = static_cast<double>(i + 1) / n;
    test.statistic = std::max({test.statistic, above - sorted[i], sorted[i] - below});
  }
  constexpr std::int64_t kExactLimit = 4000;
  // Beyond a scaled distance of 4 the p-value is below 1e-13 and the exact sum is all rounding.
  const double scaled = test.statistic * std::sqrt(n);
  test.p_value = test.num_values <= kExactLimit && scaled < 4
                     ? 1 - kolmogorov_cdf(test.statistic, test.num_values)
                     : limit_upper_tail(scaled);
  return test;
}

}  // namespace peira::stats
