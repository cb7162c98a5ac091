#include "stats/contingency.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "stats/detail/checks.h"
#include "stats/errors.h"
#include "stats/root_finding.h"

namespace peira::stats {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The count a given all margins, as log weights up to a constant.
class Hypergeometric {
 public:
  explicit Hypergeometric(const Table2x2& table) {
    const std::int64_t row = table.a + table.b;
    const std::int64_t column = table.a + table.c;
    const std::int64_t total = row + table.c + table.d;
    low_ = std::max<std::int64_t>(0, row + column - total);
    const std::int64_t high = std::min(row, column);
    constexpr std::int64_t kMostTables = 20'000'000;
    if (high - low_ >= kMostTables) {
      throw StatsError("BudgetExceeded", "the margins allow " + std::to_string(high - low_ + 1) +
                                             " tables, the exact sum takes up to " +
                                             std::to_string(kMostTables));
    }
    observed_ = static_cast<std::size_t>(table.a - low_);
    log_weights_.resize(static_cast<std::size_t>(high - low_ + 1));
    // Steps outwards from the mode, whose weight is 1: w(k+1) / w(k).
    const auto log_step = [&](std::int64_t k) {
      const double up = static_cast<double>(row - k) * static_cast<double>(column - k);
      const double down =
          static_cast<double>(k + 1) * static_cast<double>(total - row - column + k + 1);
      return std::log(up / down);
    };
    const double centre = (static_cast<double>(row) + 1) * (static_cast<double>(column) + 1) /
                          (static_cast<double>(total) + 2);
    const std::int64_t mode = std::clamp(static_cast<std::int64_t>(centre), low_, high);
    for (std::int64_t k = mode; k < high; ++k) at(k + 1) = at(k) + log_step(k);
    for (std::int64_t k = mode; k > low_; --k) at(k - 1) = at(k) - log_step(k - 1);
  }

  std::size_t observed() const { return observed_; }
  std::size_t last() const { return log_weights_.size() - 1; }

  struct Sums {
    double less = 0;     // P(K <= observed)
    double greater = 0;  // P(K >= observed)
    double two_sided = 0;
    double mean = 0;  // E[K] - low
  };

  // For the odds ratio exp(log_odds).
  Sums sums(double log_odds) const {
    double largest = -kInfinity;
    for (std::size_t k = 0; k < log_weights_.size(); ++k) {
      largest = std::max(largest, log_weights_[k] + static_cast<double>(k) * log_odds);
    }
    const auto weight = [&](std::size_t k) {
      return std::exp(log_weights_[k] + static_cast<double>(k) * log_odds - largest);
    };
    // R counts tables as likely as this one despite rounding.
    const double ceiling = weight(observed_) * (1 + 1e-7);
    double below = 0;
    double above = 0;
    double extreme = 0;
    double weighted = 0;
    for (std::size_t k = 0; k < log_weights_.size(); ++k) {
      const double w = weight(k);
      if (k < observed_) below += w;
      if (k > observed_) above += w;
      if (w <= ceiling) extreme += w;
      weighted += w * static_cast<double>(k);
    }
    const double here = weight(observed_);
    const double all = below + here + above;
    return {.less = (below + here) / all,
            .greater = (above + here) / all,
            .two_sided = extreme / all,
            .mean = weighted / all};
  }

 private:
  double& at(std::int64_t k) { return log_weights_[static_cast<std::size_t>(k - low_)]; }

  std::int64_t low_ = 0;
  std::size_t observed_ = 0;
  std::vector<double> log_weights_;
};

// exp(x) with f(x) = 0, f rising.
template <typename Function>
double solve_odds(Function f, double start) {
  double low = start - 1;
  double high = start + 1;
  double step = 1;
  for (int i = 0; i < 60 && f(low) > 0; ++i) low -= (step *= 2);
  step = 1;
  for (int i = 0; i < 60 && f(high) < 0; ++i) high += (step *= 2);
  return std::exp(find_root(f, low, high));
}

OddsRatio odds_ratio(double a, double b, double c, double d, double z) {
  OddsRatio ratio;
  ratio.value = a * d / (b * c);
  ratio.log = std::log(a) + std::log(d) - std::log(b) - std::log(c);
  ratio.log_std_error = std::sqrt(1 / a + 1 / b + 1 / c + 1 / d);
  ratio.interval = {std::exp(ratio.log - z * ratio.log_std_error),
                    std::exp(ratio.log + z * ratio.log_std_error)};
  return ratio;
}

void require_table(const Table2x2& table) {
  constexpr std::int64_t kLargest = std::int64_t{1} << 52;  // sums stay exact in a double
  for (const std::int64_t count : {table.a, table.b, table.c, table.d}) {
    if (count < 0) {
      throw StatsError("DegenerateTable", "a count is " + std::to_string(count));
    }
    if (count > kLargest) {
      throw StatsError("InvalidArgument", "a count is larger than 2^52: " + std::to_string(count));
    }
  }
  if (table.a + table.b + table.c + table.d == 0) {
    throw StatsError("DegenerateTable", "all four counts are 0");
  }
}

}  // namespace

FisherTest fisher_test(const Table2x2& table, double confidence) {
  require_table(table);
  const double z = detail::two_sided_z(confidence);
  FisherTest test;
  const bool degenerate = table.a + table.b == 0 || table.c + table.d == 0 ||
                          table.a + table.c == 0 || table.b + table.d == 0;
  if (degenerate) {
    test.warnings.emplace_back("degenerate_table");
    return test;
  }
  const Hypergeometric given_margins(table);
  const auto at_one = given_margins.sums(0);
  test.two_sided_p = std::min(1.0, at_one.two_sided);
  test.greater_p = at_one.greater;
  test.less_p = at_one.less;

  const double a = static_cast<double>(table.a);
  const double b = static_cast<double>(table.b);
  const double c = static_cast<double>(table.c);
  const double d = static_cast<double>(table.d);
  const bool at_low = given_margins.observed() == 0;
  const bool at_high = given_margins.observed() == given_margins.last();
  const double start =
      std::log(a + 0.5) + std::log(d + 0.5) - std::log(b + 0.5) - std::log(c + 0.5);
  const double tail = (1 - confidence) / 2;
  Interval exact{0, kInfinity};
  if (at_low) {
    test.conditional_odds_ratio = 0;
  } else {
    exact.low = solve_odds(
        [&](double log_odds) { return given_margins.sums(log_odds).greater - tail; }, start);
  }
  if (at_high) {
    test.conditional_odds_ratio = kInfinity;
  } else {
    exact.high = solve_odds(
        [&](double log_odds) { return tail - given_margins.sums(log_odds).less; }, start);
  }
  if (!at_low && !at_high) {
    const double observed = static_cast<double>(given_margins.observed());
    test.conditional_odds_ratio = solve_odds(
        [&](double log_odds) { return given_margins.sums(log_odds).mean - observed; }, start);
  }
  test.exact_interval = exact;
  test.sample_odds_ratio = b * c > 0 ? a * d / (b * c) : kInfinity;
  if (a > 0 && b > 0 && c > 0 && d > 0) {
    test.woolf = odds_ratio(a, b, c, d, z);
  } else {
    test.haldane = odds_ratio(a + 0.5, b + 0.5, c + 0.5, d + 0.5, z);
  }
  return test;
}

}  // namespace peira::stats
