#include "stats/bayesian.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "stats/detail/checks.h"
#include "stats/distributions.h"
#include "stats/quadrature.h"

namespace peira::stats {
namespace {

constexpr double kMostParameter = 1e12;

void require_parameters(const BetaDistribution& beta) {
  for (const double value : {beta.a, beta.b}) {
    if (!(value > 0) || !(value <= kMostParameter)) {
      detail::invalid_argument("a beta parameter of " + std::to_string(value));
    }
  }
}

BetaDistribution reflected(const BetaDistribution& beta) { return {beta.b, beta.a}; }

// Where [0, 1/2] is cut so that no piece hides a narrow peak: a few standard deviations around
// either mean.
std::vector<double> cuts(const BetaDistribution& a, const BetaDistribution& b) {
  std::vector<double> out{0, 0.5};
  for (const BetaDistribution& beta : {a, b}) {
    const double n = beta.a + beta.b;
    const double sd = std::sqrt(beta.a / n * (beta.b / n) / (n + 1));
    for (const double k : {-30.0, -15.0, -8.0, -4.0, 0.0, 4.0, 8.0, 15.0, 30.0}) {
      const double x = beta.mean() + k * sd;
      if (x > 0 && x < 0.5) out.push_back(x);
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

// A density may be singular at 0; elsewhere a piece is as smooth as a polynomial.
template <typename Function>
double integral(const Function& f, const std::vector<double>& pieces) {
  static const GaussLegendre rule = gauss_legendre(32);
  double sum = integrate(f, pieces[0], pieces[1]);
  for (std::size_t i = 1; i + 1 < pieces.size(); ++i) {
    const double half = (pieces[i + 1] - pieces[i]) / 2;
    const double middle = pieces[i] + half;
    double piece = 0;
    for (std::size_t k = 0; k < rule.nodes.size(); ++k) {
      piece += rule.weights[k] * f(middle + half * rule.nodes[k]);
    }
    sum += half * piece;
  }
  return sum;
}

// int_0^1 f(x; a, b): the upper half as f_upper at 1 - x, so that a density without bound at 1 is
// seen from where numbers are dense.
template <typename Lower, typename Upper>
double over_unit(const BetaDistribution& a, const BetaDistribution& b, Lower lower, Upper upper) {
  return integral(lower, cuts(a, b)) + integral(upper, cuts(reflected(a), reflected(b)));
}

double chance_b_beats_a(const BetaDistribution& a, const BetaDistribution& b) {
  return over_unit(
      a, b, [&](double x) { return beta_density(x, b.a, b.b) * beta_cdf(x, a.a, a.b); },
      [&](double y) { return beta_density(y, b.b, b.a) * beta_upper_tail(y, a.b, a.a); });
}

// E[max(B - A, 0)], the integral over x of P(A < x < B).
double expected_gain(const BetaDistribution& a, const BetaDistribution& b) {
  return over_unit(
      a, b, [&](double x) { return beta_cdf(x, a.a, a.b) * beta_upper_tail(x, b.a, b.b); },
      [&](double y) { return beta_upper_tail(y, a.b, a.a) * beta_cdf(y, b.b, b.a); });
}

// phi(z) - z Q(z) = E[max(Z - z, 0)], to full precision for every z.
double unit_loss(double z) {
  const double density = std::exp(-0.5 * z * z) / std::sqrt(2 * std::numbers::pi);
  if (z < 2) return density - z * normal_upper_tail(z);
  // Q/phi = 1/(z + k) with k = 1/(z + 2/(z + 3/(z + ...))), so phi - z Q = phi k / (z + k).
  double tail = 0;
  for (int i = 200; i >= 2; --i) tail = i / (z + tail);
  const double k = 1 / (z + tail);
  return density * k / (z + k);
}

}  // namespace

BetaDistribution BetaDistribution::updated(std::int64_t successes, std::int64_t trials) const {
  require_parameters(*this);
  if (successes < 0 || successes > trials) {
    detail::invalid_argument(std::to_string(successes) + " successes of " + std::to_string(trials) +
                             " trials");
  }
  return {a + static_cast<double>(successes), b + static_cast<double>(trials - successes)};
}

Interval BetaDistribution::interval(double confidence) const {
  require_parameters(*this);
  detail::require_open_unit(confidence, "confidence");
  const double tail = (1 - confidence) / 2;
  return {beta_quantile(tail, a, b), 1 - beta_quantile(tail, b, a)};
}

BayesianComparison compare_shares(const BetaDistribution& a, const BetaDistribution& b) {
  require_parameters(a);
  require_parameters(b);
  return {std::clamp(chance_b_beats_a(a, b), 0.0, 1.0), expected_gain(a, b), expected_gain(b, a)};
}

Interval NormalPosterior::interval(double confidence) const {
  const double reach = detail::two_sided_z(confidence) * std_dev;
  return {mean - reach, mean + reach};
}

NormalPosterior normal_posterior(double difference, double std_error,
                                 const std::optional<NormalPrior>& prior) {
  detail::require_finite(difference, "a difference");
  detail::require_finite(std_error, "a standard error");
  if (std_error < 0) detail::invalid_argument("a standard error must not be negative");
  NormalPosterior posterior;
  posterior.mean = difference;
  posterior.std_dev = std_error;
  if (prior) {
    detail::require_finite(prior->mean, "a prior's mean");
    if (!(prior->std_dev > 0) || !std::isfinite(prior->std_dev)) {
      detail::invalid_argument("a prior's standard deviation must be positive and finite");
    }
    // Share of the prior: se^2 / (se^2 + sd^2), without inverting a standard error of 0.
    const double total = std::hypot(std_error, prior->std_dev);
    const double weight = std_error / total * (std_error / total);
    posterior.mean = difference + weight * (prior->mean - difference);
    posterior.std_dev = std_error * (prior->std_dev / total);
  }
  BayesianComparison& comparison = posterior.comparison;
  const double mean = posterior.mean;
  const double sd = posterior.std_dev;
  if (sd == 0) {
    comparison.chance_to_beat = mean > 0 ? 1 : mean < 0 ? 0 : 0.5;
    comparison.expected_loss_choose_a = std::max(mean, 0.0);
    comparison.expected_loss_choose_b = std::max(-mean, 0.0);
    return posterior;
  }
  const double z = mean / sd;
  comparison.chance_to_beat = normal_cdf(z);
  comparison.expected_loss_choose_a = sd * unit_loss(-z);
  comparison.expected_loss_choose_b = sd * unit_loss(z);
  return posterior;
}

}  // namespace peira::stats
