#include "stats/anova.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "stats/detail/checks.h"
#include "stats/detail/welch.h"
#include "stats/multiple_comparisons.h"
#include "stats/studentized_range.h"

namespace peira::stats {
namespace {

void require_groups(std::span<const Moments> groups, std::int64_t least) {
  detail::require_count(static_cast<std::int64_t>(groups.size()), 2, "groups");
  for (std::size_t i = 0; i < groups.size(); ++i) {
    detail::require_count(groups[i].count(), least, "values of group " + std::to_string(i));
  }
}

// Mean square below which spread is what rounding leaves of equal numbers.
double noise_square(std::span<const Moments> groups) {
  double largest = 0;
  for (const Moments& group : groups) largest = std::max(largest, std::abs(group.mean()));
  const double noise = 4 * std::numeric_limits<double>::epsilon() * largest;
  return noise * noise;
}

PairComparison compare(std::span<const Moments> groups, std::size_t i, std::size_t j,
                       double std_error, double df) {
  PairComparison pair{.i = i,
                      .j = j,
                      .difference = groups[j].mean() - groups[i].mean(),
                      .std_error = std_error,
                      .df = df,
                      .num_groups = groups.size()};
  pair.q = std::abs(pair.difference) / (std_error / std::sqrt(2.0));
  pair.p = studentized_range_upper_tail(pair.q, static_cast<double>(groups.size()), df);
  return pair;
}

// Solves a x = b of size n in place by Gaussian elimination with pivots; b becomes x.
void solve(std::vector<double>& a, std::vector<double>& b) {
  const std::size_t n = b.size();
  for (std::size_t k = 0; k < n; ++k) {
    std::size_t pivot = k;
    for (std::size_t i = k + 1; i < n; ++i) {
      if (std::abs(a[i * n + k]) > std::abs(a[pivot * n + k])) pivot = i;
    }
    if (a[pivot * n + k] == 0) detail::no_convergence("the additive model is singular");
    for (std::size_t j = 0; j < n; ++j) std::swap(a[k * n + j], a[pivot * n + j]);
    std::swap(b[k], b[pivot]);
    for (std::size_t i = k + 1; i < n; ++i) {
      const double factor = a[i * n + k] / a[k * n + k];
      for (std::size_t j = k; j < n; ++j) a[i * n + j] -= factor * a[k * n + j];
      b[i] -= factor * b[k];
    }
  }
  for (std::size_t k = n; k-- > 0;) {
    for (std::size_t j = k + 1; j < n; ++j) b[k] -= a[k * n + j] * b[j];
    b[k] /= a[k * n + k];
  }
}

// Cell means of the additive model, fitted with weights n: row effects and, but for the first
// column, column effects.
std::vector<double> additive_means(std::span<const Moments> cells, std::size_t columns,
                                   double centre) {
  const std::size_t rows = cells.size() / columns;
  const std::size_t size = rows + columns - 1;
  std::vector<double> normal(size * size, 0);
  std::vector<double> effects(size, 0);
  for (std::size_t cell = 0; cell < cells.size(); ++cell) {
    const double n = static_cast<double>(cells[cell].count());
    const double mean = cells[cell].mean() - centre;
    const std::size_t row = cell / columns;
    const std::size_t column = cell % columns;
    normal[row * size + row] += n;
    effects[row] += n * mean;
    if (column == 0) continue;
    const std::size_t k = rows + column - 1;
    normal[k * size + k] += n;
    normal[row * size + k] += n;
    normal[k * size + row] += n;
    effects[k] += n * mean;
  }
  solve(normal, effects);
  std::vector<double> means;
  for (std::size_t cell = 0; cell < cells.size(); ++cell) {
    const std::size_t column = cell % columns;
    means.push_back(centre + effects[cell / columns] +
                    (column == 0 ? 0 : effects[rows + column - 1]));
  }
  return means;
}

}  // namespace

Interval PairComparison::interval(double confidence) const {
  const double q_limit =
      studentized_range_quantile(confidence, static_cast<double>(num_groups), df);
  const double reach = q_limit / std::sqrt(2.0) * std_error;
  return {difference - reach, difference + reach};
}

OneWayAnova one_way_anova(std::span<const Moments> groups) {
  require_groups(groups, 1);
  Moments all;
  double within = 0;
  for (const Moments& group : groups) {
    all.merge(group);
    within += group.sum_squared_deviations();
  }
  const double n = static_cast<double>(all.count());
  const double k = static_cast<double>(groups.size());
  detail::require_count(all.count(), static_cast<std::int64_t>(groups.size()) + 1,
                        "values of all groups");
  double between = 0;
  for (const Moments& group : groups) {
    const double gap = group.mean() - all.mean();
    between += static_cast<double>(group.count()) * gap * gap;
  }
  OneWayAnova result;
  result.df1 = k - 1;
  result.df2 = n - k;
  result.mean_square_within = within / result.df2;
  const double noise = noise_square(groups);
  if (result.mean_square_within <= noise) {
    if (between / result.df1 > noise) {
      detail::zero_variance("no group varies, yet their means differ: no p-value can be given");
    }
    result.warnings.emplace_back("constant_data");
    return result;
  }
  result.f = between / result.df1 / result.mean_square_within;
  result.p = f_p_value(result.f, result.df1, result.df2);
  const double total = between + within;
  result.eta_squared = between / total;
  result.omega_squared =
      (between - result.df1 * result.mean_square_within) / (total + result.mean_square_within);
  return result;
}

Anova welch_anova(std::span<const Moments> groups) {
  require_groups(groups, 2);
  const double noise = noise_square(groups);
  std::vector<double> weights;
  double total_weight = 0;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const double variance = *groups[i].variance();
    if (variance <= noise) detail::zero_variance("group " + std::to_string(i) + " does not vary");
    weights.push_back(static_cast<double>(groups[i].count()) / variance);
    total_weight += weights.back();
  }
  double mean = 0;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    mean += weights[i] / total_weight * groups[i].mean();
  }
  double between = 0;
  double l = 0;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const double gap = groups[i].mean() - mean;
    const double rest = 1 - weights[i] / total_weight;
    between += weights[i] * gap * gap;
    l += rest * rest / static_cast<double>(groups[i].count() - 1);
  }
  const double k = static_cast<double>(groups.size());
  Anova result;
  result.df1 = k - 1;
  result.df2 = (k * k - 1) / (3 * l);
  result.f = between / (k - 1) / (1 + 2 * (k - 2) * l / (k * k - 1));
  result.p = f_p_value(result.f, result.df1, result.df2);
  return result;
}

Anova interaction_test(std::span<const Moments> cells, std::size_t num_columns) {
  if (num_columns < 2 || cells.size() % num_columns != 0 || cells.size() / num_columns < 2) {
    detail::invalid_argument("an interaction needs a table of two rows and two columns or more");
  }
  require_groups(cells, 1);
  Moments all;
  double within = 0;
  for (const Moments& cell : cells) {
    all.merge(cell);
    within += cell.sum_squared_deviations();
  }
  detail::require_count(all.count(), static_cast<std::int64_t>(cells.size()) + 1,
                        "values of all cells");
  const std::vector<double> additive = additive_means(cells, num_columns, all.mean());
  double apart = 0;
  for (std::size_t cell = 0; cell < cells.size(); ++cell) {
    const double gap = cells[cell].mean() - additive[cell];
    apart += static_cast<double>(cells[cell].count()) * gap * gap;
  }
  Anova result;
  result.df1 = static_cast<double>((cells.size() / num_columns - 1) * (num_columns - 1));
  result.df2 = static_cast<double>(all.count() - static_cast<std::int64_t>(cells.size()));
  const double noise = noise_square(cells);
  if (within / result.df2 <= noise) {
    if (apart / result.df1 > noise) {
      detail::zero_variance("no cell varies, yet the effects do not add up");
    }
    result.warnings.emplace_back("constant_data");
    return result;
  }
  result.f = apart / result.df1 / (within / result.df2);
  result.p = f_p_value(result.f, result.df1, result.df2);
  return result;
}

std::vector<PairComparison> tukey_hsd(std::span<const Moments> groups) {
  const OneWayAnova anova = one_way_anova(groups);
  if (!anova.warnings.empty()) detail::zero_variance("no group varies");
  std::vector<PairComparison> pairs;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    for (std::size_t j = i + 1; j < groups.size(); ++j) {
      const double inv_counts =
          1 / static_cast<double>(groups[i].count()) + 1 / static_cast<double>(groups[j].count());
      pairs.push_back(
          compare(groups, i, j, std::sqrt(anova.mean_square_within * inv_counts), anova.df2));
    }
  }
  return pairs;
}

std::vector<PairComparison> games_howell(std::span<const Moments> groups) {
  require_groups(groups, 2);
  const double noise = noise_square(groups);
  std::vector<PairComparison> pairs;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    for (std::size_t j = i + 1; j < groups.size(); ++j) {
      if (*groups[i].variance() <= noise && *groups[j].variance() <= noise) {
        detail::zero_variance("neither group " + std::to_string(i) + " nor group " +
                              std::to_string(j) + " varies");
      }
      const detail::WelchError error = detail::welch_error(groups[i], groups[j]);
      pairs.push_back(compare(groups, i, j, error.std_error, error.df));
    }
  }
  return pairs;
}

std::vector<ControlComparison> many_to_one(std::span<const Moments> groups, std::size_t control,
                                           const TestOptions& options) {
  if (control >= groups.size()) detail::invalid_argument("there is no such control group");
  std::vector<ControlComparison> comparisons;
  std::vector<double> p_values;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (i == control) continue;
    comparisons.push_back({i, welch_t_test(groups[control], groups[i], options), 1});
    p_values.push_back(comparisons.back().test.p.value);
  }
  const std::vector<double> adjusted = holm(p_values);
  for (std::size_t i = 0; i < comparisons.size(); ++i) comparisons[i].adjusted_p = adjusted[i];
  return comparisons;
}

}  // namespace peira::stats
