#include "stats/sequential_mean.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "stats/detail/checks.h"

namespace peira::stats {
namespace {

void require_spread(double estimate, double std_error) {
  detail::require_finite(estimate, "the estimate");
  detail::require_finite(std_error, "the standard error");
  if (std_error < 0) detail::invalid_argument("a standard error of " + std::to_string(std_error));
  if (std_error == 0) {
    detail::zero_variance("the standard error is 0; the estimate is " + std::to_string(estimate));
  }
}

// 1 / e, at most 1, from ln e.
PValue p_of_log_e(double log_e) {
  if (log_e <= 0) return {};
  return {.value = std::exp(-log_e), .log10 = -log_e / std::numbers::ln10};
}

}  // namespace

Msprt msprt(double difference, double std_error, const MsprtOptions& options) {
  require_spread(difference, std_error);
  detail::require_open_unit(options.alpha, "alpha");
  if (!(options.tau > 0) || !std::isfinite(options.tau)) {
    detail::invalid_argument("tau must be above 0, is " + std::to_string(options.tau));
  }
  // By ratios, not by squares that under- or overflow.
  const double ratio = options.tau / std_error;
  const double log_ratio = ratio < 1e8 ? std::log1p(ratio * ratio)  // ln((V + tau^2) / V)
                                       : 2 * (std::log(options.tau) - std::log(std_error));
  const double widening = std::hypot(1.0, std_error / options.tau);  // sqrt((V + tau^2) / tau^2)
  const double z = difference / std_error / widening;
  Msprt out;
  out.log_lambda = -log_ratio / 2 + z * z / 2;
  out.p = p_of_log_e(out.log_lambda);
  out.half_width = std_error * widening * std::sqrt(log_ratio - 2 * std::log(options.alpha));
  out.interval = {difference - out.half_width, difference + out.half_width};
  return out;
}

const PValue& RunningP::add(const PValue& look) {
  if (look.log10 < p.log10) p = look;
  return p;
}

AsymptoticSequence asymptotic_sequence(double estimate, double std_error,
                                       std::int64_t num_observations,
                                       const AsymptoticOptions& options) {
  require_spread(estimate, std_error);
  detail::require_open_unit(options.alpha, "alpha");
  if (options.tuning_n < 1) {
    detail::invalid_argument("tuning_n must be at least 1, is " + std::to_string(options.tuning_n));
  }
  detail::require_count(num_observations, 100, "an asymptotic confidence sequence");
  const bool two_sided = options.alternative == Alternative::kTwoSided;
  const double a = two_sided ? options.alpha : 2 * options.alpha;
  if (a >= 1) detail::invalid_argument("a one-sided alpha must be below 1/2");

  const auto n = static_cast<double>(num_observations);
  AsymptoticSequence out;
  const double log_a = std::log(a);
  out.rho =
      std::sqrt((-2 * log_a + std::log(1 - 2 * log_a)) / static_cast<double>(options.tuning_n));
  const double spread = n * out.rho * out.rho + 1;
  const double logarithm =
      two_sided ? std::log(spread) / 2 - log_a : std::log1p(std::sqrt(spread) / a);
  out.half_width =
      std_error * std::sqrt(n) * std::sqrt(2 * spread / (n * out.rho * n * out.rho) * logarithm);
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  out.interval = {
      options.alternative == Alternative::kLess ? -kInfinity : estimate - out.half_width,
      options.alternative == Alternative::kGreater ? kInfinity : estimate + out.half_width};
  if (two_sided) {
    const double z = estimate / std_error;
    // rho^2 st2 / (2 (n rho^2 + 1)) with st2 = n z^2
    out.log_e = (spread - 1) / spread * z * z / 2 - std::log(spread) / 2;
    out.p = p_of_log_e(*out.log_e);
  }
  return out;
}

}  // namespace peira::stats
