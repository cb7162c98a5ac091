#include "stats/t_tests.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "stats/errors.h"

namespace peira::stats {
namespace {

constexpr double kRounding = 4 * std::numeric_limits<double>::epsilon();

void require_count(const Moments& values, std::int64_t least, const char* arm,
                   std::optional<double> estimate) {
  if (values.count() < least) {
    throw StatsError("TooFewObservations",
                     std::string(arm) + " has " + std::to_string(values.count()) +
                         " values, needs " + std::to_string(least),
                     estimate);
  }
}

// Empty while an arm is.
std::optional<double> difference_of(const Moments& a, const Moments& b) {
  if (a.count() == 0 || b.count() == 0) return std::nullopt;
  return b.mean() - a.mean();
}

// Squared deviations, nothing where they are what rounding leaves of equal numbers: two arrays of
// 0.04 once gave p = 5e-6.
double real_squares(const Moments& values) {
  const double squares = values.sum_squared_deviations();
  if (values.count() < 2) return squares;
  const double sd = std::sqrt(squares / static_cast<double>(values.count() - 1));
  return sd <= kRounding * std::abs(values.mean()) ? 0 : squares;
}

double larger_mean(const Moments& a, const Moments& b) {
  return std::max(std::abs(a.mean()), std::abs(b.mean()));
}

}  // namespace

TTest t_test_from(double estimate, double std_error, double df, double scale,
                  const TestOptions& options, const std::string& zero_warning) {
  if (!(options.confidence > 0) || !(options.confidence < 1)) {
    throw StatsError("InvalidProbability", "confidence must lie between 0 and 1");
  }
  TTest test{.estimate = estimate,
             .std_error = std_error,
             .df = df,
             .statistic = 0,
             .p = {},
             .interval = {estimate, estimate},
             .warnings = {}};
  const double noise = kRounding * std::abs(scale);
  if (std_error <= noise) {
    if (std::abs(estimate) > noise) {
      throw StatsError("ZeroVariance",
                       "nothing varies, yet the estimate is " + std::to_string(estimate) +
                           ": no p-value can be given",
                       estimate);
    }
    test.warnings.push_back(zero_warning);
    return test;
  }
  test.statistic = estimate / std_error;
  test.p = t_p_value(test.statistic, df, options.alternative);
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (options.alternative == Alternative::kTwoSided) {
    test.interval = t_interval(estimate, std_error, df, options.confidence);
  } else {
    const double half_width = t_quantile(options.confidence, df) * std_error;
    test.interval = options.alternative == Alternative::kGreater
                        ? Interval{estimate - half_width, kInfinity}
                        : Interval{-kInfinity, estimate + half_width};
  }
  return test;
}

TTest one_sample_t_test(const Moments& values, double null_mean, const TestOptions& options) {
  const std::optional<double> estimate =
      values.count() == 0 ? std::nullopt : std::optional(values.mean() - null_mean);
  require_count(values, 2, "the sample", estimate);
  const double n = static_cast<double>(values.count());
  const double squares = real_squares(values);
  const double scale = squares > 0 ? 0 : std::max(std::abs(values.mean()), std::abs(null_mean));
  return t_test_from(*estimate, std::sqrt(squares / (n - 1) / n), n - 1, scale, options,
                     "constant_data");
}

TTest one_sample_t_test(std::span<const double> values, double null_mean,
                        const TestOptions& options) {
  return one_sample_t_test(moments_of(values), null_mean, options);
}

TTest welch_t_test(const Moments& a, const Moments& b, const TestOptions& options) {
  const std::optional<double> estimate = difference_of(a, b);
  require_count(a, 2, "arm a", estimate);
  require_count(b, 2, "arm b", estimate);
  const double na = static_cast<double>(a.count());
  const double nb = static_cast<double>(b.count());
  const double part_a = real_squares(a) / (na - 1) / na;
  const double part_b = real_squares(b) / (nb - 1) / nb;
  const double variance = part_a + part_b;
  // Shares of the variance keep tiny variances from underflowing when squared.
  const double share_a = variance > 0 ? part_a / variance : 0.5;
  const double share_b = variance > 0 ? part_b / variance : 0.5;
  const double df = 1 / (share_a * share_a / (na - 1) + share_b * share_b / (nb - 1));
  return t_test_from(*estimate, std::sqrt(variance), df, variance > 0 ? 0 : larger_mean(a, b),
                     options, "constant_data");
}

TTest welch_t_test(std::span<const double> a, std::span<const double> b,
                   const TestOptions& options) {
  return welch_t_test(moments_of(a), moments_of(b), options);
}

TTest student_t_test(const Moments& a, const Moments& b, const TestOptions& options) {
  const std::optional<double> estimate = difference_of(a, b);
  require_count(a, 1, "arm a", estimate);
  require_count(b, 1, "arm b", estimate);
  require_count(a.count() > b.count() ? a : b, 2, "the larger arm", estimate);
  const double df = static_cast<double>(a.count() + b.count() - 2);
  const double pooled = (real_squares(a) + real_squares(b)) / df;
  const double inv_counts = 1 / static_cast<double>(a.count()) + 1 / static_cast<double>(b.count());
  return t_test_from(*estimate, std::sqrt(pooled * inv_counts), df,
                     pooled > 0 ? 0 : larger_mean(a, b), options, "constant_data");
}

TTest student_t_test(std::span<const double> a, std::span<const double> b,
                     const TestOptions& options) {
  return student_t_test(moments_of(a), moments_of(b), options);
}

}  // namespace peira::stats
