#include "stats/srm.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string_view>
#include <utility>

#include "stats/detail/checks.h"
#include "stats/distributions.h"
#include "stats/multiple_comparisons.h"

namespace peira::stats {
namespace {

constexpr double kLeastExpected = 5;
constexpr std::int64_t kMostExactUnits = 200;
constexpr double kLeastShare = 1e-9;  // below it a share is a slip, and its expectation no number
constexpr std::int64_t kMostUnits = 1'000'000'000'000'000;  // whole in a double, sums in 64 bits

struct Arm {
  double units = 0;
  double share = 0;  // of the split, positive
};

// Two-sided: the chance of every outcome no likelier than the one seen, as R binom.test.
double exact_binomial_p(std::int64_t x, std::int64_t n, double p) {
  const double seen = binomial_probability(x, n, p) * (1 + 1e-7);
  double sum = 0;
  for (std::int64_t k = 0; k <= n; ++k) {
    const double chance = binomial_probability(k, n, p);
    if (chance <= seen) sum += chance;
  }
  return std::min(1.0, sum);
}

// (1 + u) ln(1 + u) - u, >= 0, without cancellation near u = 0; 1 at u = -1.
double divergence(double u) {
  if (u == -1) return 1;
  if (std::abs(u) > 0.01) return (1 + u) * std::log1p(u) - u;
  // sum_{k >= 2} (-u)^k / (k (k - 1))
  double sum = 0;
  double power = u * u;
  for (int k = 2; k < 12; ++k) {
    sum += power / (k * (k - 1));
    power *= -u;
  }
  return sum;
}

// -1/2 sum ln x_i + 1/2 ln X + sum r(x_i) - r(X), X = sum x_i: what ln [prod G(x_i) / G(X)] holds
// beside its terms x ln x; r is what Stirling's formula leaves.
double slow_part(const std::vector<double>& parameters) {
  double total = 0;
  double sum = 0;
  for (const double x : parameters) {
    total += x;
    sum += stirling_error(x) - 0.5 * std::log(x);
  }
  return sum + 0.5 * std::log(total) - stirling_error(total);
}

// ln E. The terms x ln x of prior and posterior join to X sum w_i h(x_i / (X w_i) - 1), h >= 0:
// written with ln Gamma, numbers near N ln N would cancel down to one near 1.
double log_dirichlet_e_value(const std::vector<Arm>& arms, double concentration) {
  std::vector<double> prior;
  std::vector<double> posterior;
  double total = 0;
  for (const Arm& arm : arms) {
    prior.push_back(concentration * arm.share);
    posterior.push_back(prior.back() + arm.units);
    total += posterior.back();
  }
  double fast = 0;
  for (std::size_t i = 0; i < arms.size(); ++i) {
    const double expected = total * arms[i].share;
    fast += expected * divergence((posterior[i] - expected) / expected);
  }
  return fast + slow_part(posterior) - slow_part(prior);
}

}  // namespace

const char* to_string(SrmStatus status) {
  switch (status) {
    case SrmStatus::kOk:
      return "ok";
    case SrmStatus::kMismatch:
      return "failed";
    case SrmStatus::kInsufficient:
      return "insufficient";
  }
  return "";
}

SrmResult sample_ratio_mismatch(std::span<const std::int64_t> observed,
                                std::span<const double> weights, const SrmOptions& options) {
  detail::require_same_length(observed.size(), weights.size(), "counts and weights");
  detail::require_open_unit(options.threshold, "threshold");
  if (!(options.prior_concentration > 0) || !std::isfinite(options.prior_concentration)) {
    detail::invalid_argument("the prior's concentration must be positive");
  }
  double total_weight = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (!(weights[i] >= 0) || !std::isfinite(weights[i])) {
      detail::invalid_argument("weight " + std::to_string(i) + " is " + std::to_string(weights[i]));
    }
    if (observed[i] < 0 || observed[i] > kMostUnits) {
      detail::invalid_argument("count " + std::to_string(i) + " is " + std::to_string(observed[i]));
    }
    total_weight += weights[i];
  }

  SrmResult result;
  std::vector<Arm> arms;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] > 0 && weights[i] < kLeastShare * total_weight) {
      detail::invalid_argument("weight " + std::to_string(i) + " is less than 1e-9 of all weights");
    }
    if (weights[i] > 0) {
      arms.push_back({static_cast<double>(observed[i]), weights[i] / total_weight});
      result.num_units += observed[i];
    } else {
      result.units_of_zero_weight += observed[i];
    }
  }
  if (arms.size() < 2) detail::invalid_argument("a split needs two variants of positive weight");
  if (result.units_of_zero_weight > 0) result.warnings.emplace_back("units_in_zero_weight_arm");
  if (result.num_units == 0) detail::empty_input("no units in any variant of positive weight");

  const double n = static_cast<double>(result.num_units);
  double least_expected = n;
  for (const Arm& arm : arms) {
    const double expected = n * arm.share;
    least_expected = std::min(least_expected, expected);
    result.chi_squared += (arm.units - expected) * (arm.units - expected) / expected;
  }
  result.df = static_cast<int>(arms.size()) - 1;
  if (least_expected >= kLeastExpected) {
    const PValue p = chi_squared_p_value(result.chi_squared, result.df);
    result.p_value = p.value;
    result.log10_p = p.log10;
  } else if (arms.size() == 2 && result.num_units <= kMostExactUnits) {
    result.p_value =
        exact_binomial_p(static_cast<std::int64_t>(arms[0].units), result.num_units, arms[0].share);
    result.log10_p = std::log10(*result.p_value);  // of 200 units or fewer: never 0
    result.exact = true;
  } else {
    result.warnings.emplace_back("insufficient");
  }
  if (result.p_value) {
    result.status = *result.p_value < options.threshold ? SrmStatus::kMismatch : SrmStatus::kOk;
  }

  result.log_e_value = log_dirichlet_e_value(arms, options.prior_concentration);
  result.sequential_p = std::min(1.0, std::exp(-result.log_e_value));
  result.sequential_mismatch = result.log_e_value >= -std::log(options.threshold);
  return result;
}

std::vector<SrmGroup> sample_ratio_mismatch_by_group(
    std::span<const std::vector<std::int64_t>> observed, std::span<const double> weights,
    const SrmOptions& options) {
  std::vector<SrmGroup> groups;
  std::vector<double> p_values;
  for (const std::vector<std::int64_t>& counts : observed) {
    SrmGroup group;
    try {
      group.test = sample_ratio_mismatch(counts, weights, options);
    } catch (const StatsError& error) {
      if (!std::string_view(error.what()).starts_with("EmptyInput")) throw;
      group.test.warnings.emplace_back("insufficient");
    }
    if (group.test.p_value) p_values.push_back(*group.test.p_value);
    groups.push_back(std::move(group));
  }
  const std::vector<double> adjusted = holm(p_values);
  std::size_t next = 0;
  for (SrmGroup& group : groups) {
    if (!group.test.p_value) continue;
    group.adjusted_p = adjusted[next++];
    group.test.status =
        *group.adjusted_p < options.threshold ? SrmStatus::kMismatch : SrmStatus::kOk;
  }
  return groups;
}

IndependenceTest assignment_independence(std::span<const std::int64_t> table,
                                         std::int64_t num_columns) {
  if (num_columns < 1 || table.size() % static_cast<std::size_t>(num_columns) != 0) {
    detail::invalid_argument("a table's size must be a multiple of its number of columns");
  }
  const std::size_t columns = static_cast<std::size_t>(num_columns);
  const std::size_t rows = table.size() / columns;
  std::vector<double> row_sums(rows, 0);
  std::vector<double> column_sums(columns, 0);
  double total = 0;
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (table[i] < 0) detail::invalid_argument("a count of the table is negative");
    const double units = static_cast<double>(table[i]);
    row_sums[i / columns] += units;
    column_sums[i % columns] += units;
    total += units;
  }
  const auto filled = [](const std::vector<double>& sums) {
    return static_cast<int>(
        std::count_if(sums.begin(), sums.end(), [](double sum) { return sum > 0; }));
  };
  const int filled_rows = filled(row_sums);
  const int filled_columns = filled(column_sums);
  if (filled_rows < 2 || filled_columns < 2) {
    throw StatsError("DegenerateTable", "units in " + std::to_string(filled_rows) + " rows and " +
                                            std::to_string(filled_columns) +
                                            " columns, needs two of each");
  }
  IndependenceTest test;
  test.df = (filled_rows - 1) * (filled_columns - 1);
  test.smallest_expected = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < table.size(); ++i) {
    const double expected = row_sums[i / columns] * column_sums[i % columns] / total;
    if (expected == 0) continue;
    const double gap = static_cast<double>(table[i]) - expected;
    test.chi_squared += gap * gap / expected;
    test.smallest_expected = std::min(test.smallest_expected, expected);
  }
  test.p = chi_squared_p_value(test.chi_squared, test.df);
  return test;
}

}  // namespace peira::stats
