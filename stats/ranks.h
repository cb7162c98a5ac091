// Ranks of numbers, and the exact distributions of their sums.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace peira::stats {

struct Ranks {
  std::vector<double> ranks;  // of each value, from 1; tied values share their mean rank
  double tie_sum = 0;         // sum of t^3 - t over groups of t tied values
};

// Values compare with ==: snap() them first where they come out of a subtraction.
// throws  Error(kData) "NonFiniteInput".
Ranks mid_ranks(std::span<const double> values);

// `values` rounded to whole multiples of one power of ten, between 1e-11 and 1e-10 of the largest
// magnitude, so that differences equal in decimals, such as 0.68 - 0.62 and 0.63 - 0.57, are equal.
//
// noise  the magnitude of the numbers that were subtracted: multiples are never finer than the
//        rounding of those. 0 when the values are no differences.
// returns the multiples, as whole numbers.
// throws  Error(kData) "NonFiniteInput".
std::vector<double> snap(std::span<const double> values, double noise = 0);

// How many ways lead to each sum of doubled ranks (whole numbers).
struct RankSumDistribution {
  std::int64_t smallest = 0;   // the sum that counts[0] belongs to
  std::vector<double> counts;  // [largest - smallest + 1], exact up to 2^53
  double total = 0;            // of counts

  double at_most(std::int64_t sum) const;  // share of ways
  double at_least(std::int64_t sum) const;
  // At least as far from half of `twice_centre` as `sum` is.
  double as_far(std::int64_t sum, std::int64_t twice_centre) const;
  // Smallest sum with at_most(sum) >= p, ties in rounding counted as reached.
  std::int64_t quantile(double p) const;
};

// Sum of a subset of `doubled_ranks` with every subset as likely: Wilcoxon's signed ranks.
RankSumDistribution signed_rank_distribution(std::span<const std::int64_t> doubled_ranks);

// Sum of a subset of `size` of them: the rank sum of one of two samples.
RankSumDistribution rank_sum_distribution(std::span<const std::int64_t> doubled_ranks,
                                          std::size_t size);

// The `rank`-th smallest, from 1, of the n(n+1)/2 means (x_i + x_j) / 2 with i <= j, and of the
// differences b_j - a_i, of sorted values. cost  64 passes over the values.
double walsh_average(std::span<const double> sorted, std::int64_t rank);
double sorted_difference(std::span<const double> sorted_a, std::span<const double> sorted_b,
                         std::int64_t rank);

}  // namespace peira::stats
