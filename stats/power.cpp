#include "stats/power.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "stats/detail/checks.h"
#include "stats/distributions.h"
#include "stats/root_finding.h"

namespace peira::stats {
namespace {

constexpr double kMostObservations = 1e9;

void require_options(const PowerOptions& options) {
  detail::require_open_unit(options.alpha, "alpha");
  detail::require_open_unit(options.power, "power");
  if (options.power <= options.alpha) {
    detail::invalid_argument("power must exceed alpha: a test that ignores the data has power " +
                             std::to_string(options.alpha));
  }
}

void require_effect(double effect) {
  if (effect == 0 || !std::isfinite(effect)) {
    detail::invalid_argument("an effect of " + std::to_string(effect) +
                             " cannot be looked for: it must be finite and not 0");
  }
}

void require_size(double n, double least) {
  if (!(n >= least) || !std::isfinite(n)) {
    detail::invalid_argument("a sample size of " + std::to_string(n) + " is below " +
                             std::to_string(least));
  }
}

void require_share(double p) {
  if (!(p >= 0 && p <= 1)) {
    detail::invalid_argument("a share of " + std::to_string(p) + " lies outside [0, 1]");
  }
}

double tail_alpha(const PowerOptions& options) {
  return options.one_sided ? options.alpha : options.alpha / 2;
}

double z_alpha(const PowerOptions& options) { return -normal_quantile(tail_alpha(options)); }
double z_power(const PowerOptions& options) { return normal_quantile(options.power); }

SampleSize sample_size(double exact) {
  if (!(exact <= kMostObservations)) {
    throw StatsError("BudgetExceeded", "more than 1e9 observations would be needed");
  }
  // A solution a rounding above a whole number is that number.
  return {exact, static_cast<std::int64_t>(std::ceil(exact * (1 - 1e-13)))};
}

// P(|T| > critical), T noncentral t.
double power_t(double delta, double df, const PowerOptions& options) {
  const double size = std::abs(delta);
  const double critical = -t_quantile(tail_alpha(options), df);
  // Z > -38 and chi / sqrt(df) < 1 + 38 / sqrt(df) but for 1e-300: beyond that all power is there,
  // and the series of the noncentral t would be endless.
  if (size > 38 + critical * (1 + 38 / std::sqrt(df))) return 1;
  const double near_tail = noncentral_t_upper_tail(critical, df, size);
  return options.one_sided ? near_tail : near_tail + noncentral_t_cdf(-critical, df, size);
}

// P(|Z + shift| > z_alpha).
double power_z(double shift, const PowerOptions& options) {
  const double size = std::abs(shift);
  const double z = z_alpha(options);
  const double near_tail = normal_upper_tail(z - size);
  return options.one_sided ? near_tail : near_tail + normal_upper_tail(z + size);
}

// Smallest n >= least at which a rising power reaches the one asked for.
SampleSize solve_size(const std::function<double(double)>& power_at, double least,
                      const PowerOptions& options) {
  if (power_at(least) >= options.power) return sample_size(least);
  double high = 2 * least;
  while (high < kMostObservations && power_at(high) < options.power) high *= 2;
  if (high >= kMostObservations) {
    high = kMostObservations;
    if (power_at(high) < options.power) return sample_size(2 * kMostObservations);  // throws
  }
  return sample_size(find_root([&](double n) { return power_at(n) - options.power; },
                               std::max(least, high / 2 - 1), high));
}

// Smallest effect >= 0 at which a rising power reaches the one asked for.
double solve_effect(const std::function<double(double)>& power_at, const PowerOptions& options) {
  double high = 1e-9;
  while (power_at(high) < options.power) {
    high *= 2;
    if (high > 1e12) detail::no_convergence("no effect has the power asked for");
  }
  return find_root([&](double effect) { return power_at(effect) - options.power; }, high / 2, high);
}

}  // namespace

double power_t_two_sample(double n1, double n2, double d, const PowerOptions& options) {
  require_options(options);
  require_effect(d);
  require_size(n1, 2);
  require_size(n2, 2);
  return power_t(d * std::sqrt(n1 * (n2 / (n1 + n2))), n1 + n2 - 2, options);
}

SampleSize sample_size_t_two_sample(double d, const PowerOptions& options) {
  require_options(options);
  require_effect(d);
  return solve_size([&](double n) { return power_t_two_sample(n, n, d, options); }, 2, options);
}

double detectable_d_two_sample(double n1, double n2, const PowerOptions& options) {
  require_options(options);
  require_size(n1, 2);
  require_size(n2, 2);
  return solve_effect([&](double d) { return power_t_two_sample(n1, n2, d, options); }, options);
}

double power_t_paired(double n, double d_z, const PowerOptions& options) {
  require_options(options);
  require_effect(d_z);
  require_size(n, 2);
  return power_t(d_z * std::sqrt(n), n - 1, options);
}

SampleSize sample_size_t_paired(double d_z, const PowerOptions& options) {
  require_options(options);
  require_effect(d_z);
  return solve_size([&](double n) { return power_t_paired(n, d_z, options); }, 2, options);
}

double detectable_d_paired(double n, const PowerOptions& options) {
  require_options(options);
  require_size(n, 2);
  return solve_effect([&](double d_z) { return power_t_paired(n, d_z, options); }, options);
}

SampleSize sample_size_two_proportions(double p1, double p2, const PowerOptions& options) {
  require_options(options);
  require_share(p1);
  require_share(p2);
  require_effect(p2 - p1);
  const double mean = (p1 + p2) / 2;
  const double root = z_alpha(options) * std::sqrt(2 * mean * (1 - mean)) +
                      z_power(options) * std::sqrt(p1 * (1 - p1) + p2 * (1 - p2));
  return sample_size(root / (p1 - p2) * (root / (p1 - p2)));
}

SampleSize sample_size_arcsine(double p1, double p2, const PowerOptions& options) {
  require_options(options);
  require_share(p1);
  require_share(p2);
  require_effect(p2 - p1);
  const double h = 2 * std::asin(std::sqrt(p2)) - 2 * std::asin(std::sqrt(p1));
  const double root = (z_alpha(options) + z_power(options)) / h;
  return sample_size(2 * root * root);
}

double power_two_proportions(double n_per_arm, double p1, double p2, const PowerOptions& options) {
  require_options(options);
  require_share(p1);
  require_share(p2);
  require_effect(p2 - p1);
  require_size(n_per_arm, 1);
  const double mean = (p1 + p2) / 2;
  const double spread = std::sqrt(p1 * (1 - p1) + p2 * (1 - p2));
  const double margin = std::sqrt(n_per_arm) * std::abs(p2 - p1) -
                        z_alpha(options) * std::sqrt(2 * mean * (1 - mean));
  if (spread == 0) return margin > 0 ? 1 : 0;  // shares of 0 and 1
  return normal_cdf(margin / spread);
}

SampleSize sample_size_mcnemar(double p10, double p01, const PowerOptions& options) {
  require_options(options);
  require_share(p10);
  require_share(p01);
  require_share(p10 + p01);
  const double difference = p01 - p10;
  require_effect(difference);
  const double psi = p10 + p01;
  const double root = z_alpha(options) * std::sqrt(psi) +
                      z_power(options) * std::sqrt(std::max(0.0, psi - difference * difference));
  return sample_size(root / difference * (root / difference));
}

double power_mcnemar(double num_questions, double p10, double p01, const PowerOptions& options) {
  require_options(options);
  require_share(p10);
  require_share(p01);
  require_share(p10 + p01);
  require_size(num_questions, 1);
  const double difference = p01 - p10;
  require_effect(difference);
  const double psi = p10 + p01;
  const double spread = std::sqrt(std::max(0.0, psi - difference * difference));
  const double margin =
      std::sqrt(num_questions) * std::abs(difference) - z_alpha(options) * std::sqrt(psi);
  if (spread == 0) return margin > 0 ? 1 : 0;
  return normal_cdf(margin / spread);
}

double detectable_difference_mcnemar(double num_questions, double discordant,
                                     const PowerOptions& options) {
  require_options(options);
  require_size(num_questions, 1);
  require_share(discordant);
  if (discordant == 0) detail::invalid_argument("without discordant questions nothing differs");
  // D sqrt(n) = z_a sqrt(psi) + z_b sqrt(psi - D^2), squared and solved for D.
  const double a = z_alpha(options) * std::sqrt(discordant);
  const double b = z_power(options);
  const double n = num_questions;
  const double discriminant = n * a * a - (n + b * b) * (a * a - b * b * discordant);
  const double root = std::sqrt(std::max(0.0, discriminant));
  const double sign = b < 0 ? -1 : 1;  // power below one half: the near solution
  return (a * std::sqrt(n) + sign * root) / (n + b * b);
}

double EvalDesign::variance() const {
  for (const double value : {question_variance, sampling_variance_a, sampling_variance_b}) {
    if (!(value >= 0) || !std::isfinite(value)) {
      detail::invalid_argument("a variance of " + std::to_string(value));
    }
  }
  if (!(epochs_a >= 1) || !(epochs_b >= 1)) detail::invalid_argument("fewer than one epoch");
  if (!(design_effect > 0) || !std::isfinite(design_effect)) {
    detail::invalid_argument("a design effect of " + std::to_string(design_effect));
  }
  return design_effect *
         (question_variance + sampling_variance_a / epochs_a + sampling_variance_b / epochs_b);
}

SampleSize sample_size_eval(const EvalDesign& design, double difference,
                            const PowerOptions& options) {
  require_options(options);
  require_effect(difference);
  const double root = (z_alpha(options) + z_power(options)) / difference;
  return sample_size(root * root * design.variance());
}

double detectable_difference_eval(const EvalDesign& design, double num_questions,
                                  const PowerOptions& options) {
  require_options(options);
  require_size(num_questions, 1);
  return (z_alpha(options) + z_power(options)) * std::sqrt(design.variance() / num_questions);
}

double power_eval(const EvalDesign& design, double num_questions, double difference,
                  const PowerOptions& options) {
  require_options(options);
  require_effect(difference);
  require_size(num_questions, 1);
  const double std_error = std::sqrt(design.variance() / num_questions);
  return std_error == 0 ? 1 : power_z(difference / std_error, options);
}

}  // namespace peira::stats
