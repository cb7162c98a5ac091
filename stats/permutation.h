// Permutation tests of a difference of means: independent arms by exchanging their values, pairs by
// flipping the signs of their differences, either by whole clusters. Every difference is b - a.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace peira::stats {

struct PermutationOptions {
  std::int64_t num_resamples = 9999;  // where there are too many arrangements to try them all
  std::uint64_t seed = 0;
};

struct PermutationTest {
  double estimate = 0;                // difference of means, or mean difference
  std::int64_t num_arrangements = 0;  // tried: all of them, or num_resamples
  double greater_p = 1;
  double less_p = 1;
  double two_sided_p = 1;                     // |T| at least as large: the one to report
  double doubled_p = 1;                       // SciPy's: twice the smaller one-sided p, at most 1
  std::string method;                         // "exact" or "monte-carlo"
  std::optional<double> two_sided_std_error;  // of a Monte Carlo p
};

// Both count an arrangement as at least as extreme within 1e-12 of the observed statistic.
// Monte Carlo p-values are (1 + extreme) / (1 + num_resamples), never 0. Draws: stats/random.h.

// Independent arms: all C(n, nb) ways of choosing arm b where there are at most 200,000, otherwise
// num_resamples shuffles (Fisher-Yates, each of the values in their given order, a's first).
//
// clusters_a, clusters_b  [na], [nb], or both empty: whole clusters change arms.
// throws  Error(kData): "EmptyInput", "LengthMismatch", "NonFiniteInput"; Error(kUsage)
//         "InvalidArgument": a cluster is in both arms, or num_resamples < 1.
// source  coin oneway_test(distribution = "exact"); scipy.stats.permutation_test.
PermutationTest permutation_mean_difference(std::span<const double> a, std::span<const double> b,
                                            const PermutationOptions& options = {},
                                            std::span<const std::int64_t> clusters_a = {},
                                            std::span<const std::int64_t> clusters_b = {});

// Pairs: all 2^n signs for n <= 20 differences (or clusters), otherwise num_resamples draws of one
// sign each, in order.
//
// clusters  [n] or empty: the signs of a whole cluster flip together.
// throws    Error(kData): "EmptyInput", "LengthMismatch", "NonFiniteInput"; Error(kUsage)
//           "InvalidArgument".
PermutationTest sign_flip_test(std::span<const double> differences,
                               const PermutationOptions& options = {},
                               std::span<const std::int64_t> clusters = {});

}  // namespace peira::stats
