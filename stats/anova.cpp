#include "stats/anova.h"

#include <algorithm>
#include <cmath>
#include <limits>

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
