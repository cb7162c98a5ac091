#include "stats/confidence_sequence.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "stats/detail/checks.h"

namespace peira::stats {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

void require_score(double x) {
  detail::require_finite(x, "a score");
  if (x < 0 || x > 1) {
    detail::invalid_argument("a score must lie in [0, 1], is " + std::to_string(x));
  }
}

}  // namespace

double BetSizes::next(double log_inverse_a) const {
  const auto t = static_cast<double>(count + 1);
  const double variance = (0.25 + squares) / t;
  return std::sqrt(2 * log_inverse_a / (t * std::log1p(t) * variance));
}

void BetSizes::add(double x) {
  ++count;
  sum += x;
  const double mean = (0.5 + sum) / static_cast<double>(count + 1);
  squares += (x - mean) * (x - mean);
}

// ---- empirical Bernstein ----

EmpiricalBernstein::EmpiricalBernstein(const Options& options)
    : truncation_(options.truncation), log_inverse_a_(-std::log(options.alpha / 2)) {
  detail::require_open_unit(options.alpha, "alpha");
  detail::require_open_unit(options.truncation, "truncation");
}

void EmpiricalBernstein::Side::add(double x, std::int64_t before, double weight, double psi) {
  const double mean = before == 0 ? 0 : sum / static_cast<double>(before);
  weights += weight;
  weighted += weight * x;
  penalty += (x - mean) * (x - mean) * psi;
  sum += x;
}

double EmpiricalBernstein::Side::lower(double log_inverse_a) const {
  if (weights == 0) return 0;
  return std::clamp((weighted - log_inverse_a - penalty) / weights, 0.0, 1.0);
}

void EmpiricalBernstein::add(double x) {
  require_score(x);
  const double weight = std::min(sizes_.next(log_inverse_a_), truncation_);
  const double psi = -std::log1p(-weight) - weight;
  below_.add(x, sizes_.count, weight, psi);
  above_.add(1 - x, sizes_.count, weight, psi);
  sizes_.add(x);
  const Interval now = interval();
  running_ = {std::max(running_.low, now.low), std::min(running_.high, now.high)};
}

Interval EmpiricalBernstein::interval() const {
  return {below_.lower(log_inverse_a_), 1 - above_.lower(log_inverse_a_)};
}

// ---- hedged betting ----

HedgedBetting::HedgedBetting(const Options& options) : options_(options) {
  detail::require_open_unit(options.alpha, "alpha");
  detail::require_open_unit(options.theta, "theta");
  detail::require_open_unit(options.truncation, "truncation");
  if (options.population && *options.population < 1) {
    detail::invalid_argument("a population of " + std::to_string(*options.population));
  }
  down_ratio_ = std::sqrt(std::log(options.alpha * (1 - options.theta)) /
                          std::log(options.alpha * options.theta));
}

void HedgedBetting::add(double x) {
  require_score(x);
  if (options_.population && static_cast<std::int64_t>(scores_.size()) == *options_.population) {
    detail::invalid_argument("more scores than the population of " +
                             std::to_string(*options_.population));
  }
  bets_.push_back(sizes_.next(-std::log(options_.alpha * options_.theta)));
  sizes_.add(x);
  sum_ += x;
  scores_.push_back(x);
}

double HedgedBetting::log_capital(double m) const {
  detail::require_unit(m, "a candidate mean");
  // Rounding of sums must not rule out what is just possible.
  constexpr double kRounding = 1e-12;
  double up = std::log(options_.theta);
  double down = std::log1p(-options_.theta);
  double seen = 0;
  double here = m;
  for (std::size_t i = 0; i < scores_.size(); ++i) {
    if (options_.population) {
      const auto size = static_cast<double>(*options_.population);
      here = (size * m - seen) / (size - static_cast<double>(i));
      if (here < -kRounding || here > 1 + kRounding) return kInfinity;
      here = std::clamp(here, 0.0, 1.0);
    }
    const double step = scores_[i] - here;
    const double bet_up = std::min(bets_[i], options_.truncation / here);
    const double bet_down = std::min(bets_[i] * down_ratio_, options_.truncation / (1 - here));
    up += std::log1p(bet_up * step);
    down += std::log1p(-bet_down * step);
    seen += scores_[i];
  }
  if (options_.population) {
    const auto size = static_cast<double>(*options_.population);
    const auto left = size - static_cast<double>(scores_.size());
    const double missing = size * m - seen;
    if (missing < -kRounding * size || missing > left + kRounding * size) return kInfinity;
  }
  return std::max(up, down);
}

Interval HedgedBetting::interval() const {
  if (scores_.empty()) return {0, 1};
  const double limit = -std::log(options_.alpha);
  const auto is_in = [&](double m) { return log_capital(m) < limit; };
  const auto n = static_cast<double>(scores_.size());
  double inside = sum_ / n;
  if (!is_in(inside)) {
    // The sample mean itself may be out, after a change of level: the least unlikely mean stands
    // for the set, which is empty if it is out too.
    double least = kInfinity;
    for (int k = 0; k <= 1000; ++k) {
      const double m = k / 1000.0;
      const double capital = log_capital(m);
      if (capital < least) {
        least = capital;
        inside = m;
      }
    }
    if (!is_in(inside)) return {inside, inside};
  }
  // The end of the set between `in`, which belongs to it, and `out`.
  const auto bisect = [&](double in, double out) {
    if (is_in(out)) return out;
    for (int step = 0; step < 200; ++step) {
      const double middle = in + (out - in) / 2;
      if (middle == in || middle == out) break;
      (is_in(middle) ? in : out) = middle;
    }
    return in;
  };
  return {bisect(inside, 0), bisect(inside, 1)};
}

}  // namespace peira::stats
