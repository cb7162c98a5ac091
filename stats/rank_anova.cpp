#include "stats/rank_anova.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "stats/detail/checks.h"

namespace peira::stats {
namespace {

struct Ranks {
  std::vector<double> ranks;  // in the order of the values, ties sharing their mean rank
  double ties = 0;            // sum of t^3 - t over groups of equal values
};

Ranks mid_ranks(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t i, std::size_t j) { return values[i] < values[j]; });
  Ranks result{std::vector<double>(values.size()), 0};
  for (std::size_t first = 0; first < order.size();) {
    std::size_t end = first + 1;
    while (end < order.size() && values[order[end]] == values[order[first]]) ++end;
    const double t = static_cast<double>(end - first);
    const double rank = static_cast<double>(first + end + 1) / 2;  // mean of first+1 .. end
    for (std::size_t i = first; i < end; ++i) result.ranks[order[i]] = rank;
    result.ties += t * (t - 1) * (t + 1);
    first = end;
  }
  return result;
}

// Rows of a table, once it is known to be one.
std::size_t require_table(std::span<const double> table, std::size_t num_columns) {
  if (num_columns == 0 || table.size() % num_columns != 0) {
    detail::invalid_argument("a table's size must be a multiple of its number of columns");
  }
  detail::require_count(static_cast<std::int64_t>(num_columns), 2, "columns");
  detail::require_count(static_cast<std::int64_t>(table.size() / num_columns), 1, "rows");
  detail::require_finite(table, "a value of the table");
  return table.size() / num_columns;
}

}  // namespace

KruskalWallis kruskal_wallis(std::span<const std::vector<double>> groups) {
  detail::require_count(static_cast<std::int64_t>(groups.size()), 2, "groups");
  std::vector<double> all;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    if (groups[g].empty()) detail::empty_input("group " + std::to_string(g) + " has no values");
    detail::require_finite(groups[g], "a value");
    all.insert(all.end(), groups[g].begin(), groups[g].end());
  }
  detail::require_count(static_cast<std::int64_t>(all.size()), 3, "values");
  const Ranks ranked = mid_ranks(all);
  const double n = static_cast<double>(all.size());
  KruskalWallis result;
  result.df = static_cast<int>(groups.size()) - 1;
  // sum n_j (mean rank - (N + 1) / 2)^2: the formula's large terms taken out by hand.
  double between = 0;
  std::size_t next = 0;
  for (const std::vector<double>& group : groups) {
    double sum = 0;
    for (std::size_t i = 0; i < group.size(); ++i) sum += ranked.ranks[next++];
    const double size = static_cast<double>(group.size());
    const double gap = sum / size - (n + 1) / 2;
    between += size * gap * gap;
  }
  result.h_uncorrected = 12 / (n * (n + 1)) * between;
  const double most_ties = n * (n - 1) * (n + 1);
  if (ranked.ties == most_ties) {
    result.tie_correction = 0;
    result.warnings.emplace_back("all_tied");
    return result;
  }
  result.tie_correction = 1 - ranked.ties / most_ties;
  result.h = result.h_uncorrected / result.tie_correction;
  result.p = chi_squared_p_value(result.h, result.df);
  result.epsilon_squared = result.h * (n + 1) / (n * n - 1);
  return result;
}

Friedman friedman_test(std::span<const double> table, std::size_t num_columns) {
  const std::size_t num_rows = require_table(table, num_columns);
  const double n = static_cast<double>(num_rows);
  const double k = static_cast<double>(num_columns);
  std::vector<double> sums(num_columns, 0);
  double ties = 0;
  for (std::size_t row = 0; row < num_rows; ++row) {
    const Ranks ranked = mid_ranks(table.subspan(row * num_columns, num_columns));
    for (std::size_t j = 0; j < num_columns; ++j) sums[j] += ranked.ranks[j];
    ties += ranked.ties;
  }
  Friedman result;
  result.df = static_cast<int>(num_columns) - 1;
  const double spread = n * k * (k + 1) - ties / (k - 1);
  if (!(spread > 0)) {
    result.warnings.emplace_back("all_tied");
    return result;
  }
  double between = 0;
  for (const double sum : sums) between += (sum - n * (k + 1) / 2) * (sum - n * (k + 1) / 2);
  result.chi_squared = 12 * between / spread;
  result.p = chi_squared_p_value(result.chi_squared, result.df);
  result.kendall_w = result.chi_squared / (n * (k - 1));
  return result;
}

CochranQ cochran_q(std::span<const double> table, std::size_t num_columns) {
  const std::size_t num_rows = require_table(table, num_columns);
  const double k = static_cast<double>(num_columns);
  std::vector<double> right_of_column(num_columns, 0);
  double total = 0;
  double row_squares = 0;
  for (std::size_t row = 0; row < num_rows; ++row) {
    double right = 0;
    for (std::size_t j = 0; j < num_columns; ++j) {
      const double value = table[row * num_columns + j];
      if (value != 0 && value != 1) {
        detail::invalid_argument("Cochran's Q takes 0 and 1 only, not " + std::to_string(value));
      }
      right += value;
      right_of_column[j] += value;
    }
    total += right;
    row_squares += right * right;
  }
  CochranQ result;
  result.df = static_cast<int>(num_columns) - 1;
  const double spread = k * total - row_squares;
  if (spread == 0) {
    result.warnings.emplace_back("no_variation");
    return result;
  }
  double between = 0;  // k sum G^2 - T^2
  for (const double right : right_of_column) {
    between += (right - total / k) * (right - total / k);
  }
  result.q = (k - 1) * k * between / spread;
  result.p = chi_squared_p_value(result.q, result.df);
  return result;
}

}  // namespace peira::stats
