#include "stats/betting_test.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "stats/detail/checks.h"

namespace peira::stats {
namespace {

// Relative to the population: sums of scores such as 1/3 are off by their rounding.
constexpr double kRounding = 1e-12;

// Shares bet, from 0.005 to 0.99: in equal steps of the logarithm where the gap to be told is
// small, and up to nearly all for gaps that a few scores show.
constexpr std::array<double, BettingTest::kNumBets> kBets{
    0.005, 0.007, 0.010, 0.014, 0.020, 0.028, 0.040, 0.056, 0.080, 0.11,
    0.15,  0.21,  0.29,  0.38,  0.48,  0.58,  0.68,  0.78,  0.89,  0.99};

}  // namespace

BettingTest::BettingTest(double null_mean, std::optional<std::int64_t> population)
    : null_mean_(null_mean), population_(population.value_or(0)) {
  detail::require_unit(null_mean, "the mean to be tested");
  if (population && *population < 1) {
    detail::invalid_argument("a population of " + std::to_string(*population));
  }
  wealth_.fill(1);
}

void BettingTest::add(double x) {
  detail::require_finite(x, "a score");
  if (x < 0 || x > 1) {
    detail::invalid_argument("a score must lie in [0, 1], is " + std::to_string(x));
  }
  double mean = null_mean_;
  if (population_ > 0) {
    if (count_ == population_) {
      detail::invalid_argument("more scores than the population of " + std::to_string(population_));
    }
    const auto size = static_cast<double>(population_);
    mean = (size * null_mean_ - sum_) / (size - static_cast<double>(count_));
  }
  // A mean of 0 leaves no room for a score above it.
  if (x > 0 && mean <= kRounding) {
    impossible_ = true;
  } else {
    const double ratio = mean > 0 ? x / mean : 0;
    // Products, not logarithms: multiplication gives the same bits on every machine.
    for (std::size_t k = 0; k < kNumBets; ++k) wealth_[k] *= 1 - kBets[k] + kBets[k] * ratio;
  }
  ++count_;
  sum_ += x;
  if (population_ > 0) {
    const auto size = static_cast<double>(population_);
    impossible_ = impossible_ || sum_ - size * null_mean_ > kRounding * size;
  }
}

double BettingTest::capital() const {
  if (impossible_) return std::numeric_limits<double>::infinity();
  double sum = 0;
  for (const double wealth : wealth_) sum += wealth;
  return sum / kNumBets;
}

double BettingTest::log_capital() const { return std::log(capital()); }

bool BettingTest::rejects(double alpha) const {
  detail::require_open_unit(alpha, "alpha");
  return capital() >= 1 / alpha;
}

Interval betting_interval(std::span<const double> scores, std::optional<std::int64_t> population,
                          double alpha_each_side) {
  detail::require_open_unit(alpha_each_side, "alpha");
  if (scores.empty()) return {0, 1};
  const auto rules_out = [&](std::span<const double> values, double mean) {
    BettingTest test(mean, population);
    for (const double value : values) test.add(value);
    return test.rejects(alpha_each_side);
  };
  // The smallest mean not ruled out as too small; the capital falls as the mean rises.
  const auto lower_end = [&](std::span<const double> values) {
    double out = 0;
    double sum = 0;
    for (const double value : values) sum += value;
    double in = sum / static_cast<double>(values.size());
    if (!rules_out(values, out)) return out;
    if (rules_out(values, in)) return in;
    for (int step = 0; step < 50; ++step) {
      const double middle = out + (in - out) / 2;
      (rules_out(values, middle) ? out : in) = middle;
    }
    return in;
  };
  std::vector<double> reflected(scores.size());
  for (std::size_t i = 0; i < scores.size(); ++i) reflected[i] = 1 - scores[i];
  return {lower_end(scores), 1 - lower_end(reflected)};
}

}  // namespace peira::stats
