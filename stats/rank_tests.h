// Rank tests of two samples: Wilcoxon's signed ranks for pairs, Mann and Whitney's U for
// independent samples. Every difference is b - a.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "stats/distributions.h"
#include "stats/t_tests.h"

namespace peira::stats {

// What becomes of pairs without a difference.
enum class ZeroMethod {
  kWilcox,  // dropped before ranking
  kPratt,   // ranked, then their ranks dropped
  kZsplit   // ranked, their ranks split evenly between both signs
};

struct SignedRankTest {
  double w_plus = 0;  // sum of ranks of positive differences
  double w_minus = 0;
  std::int64_t num_kept = 0;      // nonzero differences
  std::optional<PValue> exact_p;  // up to 50 kept differences, ties allowed
  double z = 0;
  PValue asymptotic_p;
  double corrected_z = 0;  // with a continuity correction of 1/2
  PValue corrected_p;
  PValue p;                             // the exact one where there is one, else the corrected one
  std::string method;                   // of p: "exact" or "asymptotic"
  std::optional<double> rank_biserial;  // (W+ - W-) / (W+ + W-)
  std::vector<std::string> warnings;    // "no_nonzero_differences": p is 1
};

// Of paired differences. They are snapped (stats/ranks.h) before ranking.
//
// noise   magnitude of the numbers that were subtracted, 0 if the differences are as measured.
// throws  Error(kData): "EmptyInput", "NonFiniteInput".
// source  R wilcox.test(paired = TRUE), coin wilcoxsign_test (exact with ties),
// scipy.stats.wilcoxon
//         (zero methods). Null given the ranks r: mean sum r / 2, variance sum r^2 / 4; zsplit
//         keeps the zeros' ranks in the variance, as SciPy does, but not in the exact test.
SignedRankTest signed_rank_test(std::span<const double> differences,
                                ZeroMethod zeros = ZeroMethod::kWilcox,
                                Alternative alternative = Alternative::kTwoSided, double noise = 0);
SignedRankTest signed_rank_test(std::span<const double> a, std::span<const double> b,
                                ZeroMethod zeros = ZeroMethod::kWilcox,
                                Alternative alternative = Alternative::kTwoSided);

struct Shift {
  double estimate = 0;
  Interval interval;   // of order statistics; one end infinite when one-sided
  std::string method;  // "exact" or "asymptotic" quantile of their rank
};

// Hodges and Lehmann's shift of pairs: the median of the means of any two nonzero differences, and
// the order statistics at the quantile of the tie-free signed rank distribution (normal above 50).
// returns  empty when every difference is 0.
// source   Hodges and Lehmann (1963); R wilcox.test(conf.int = TRUE, exact = TRUE).
std::optional<Shift> paired_shift(std::span<const double> differences,
                                  const TestOptions& options = {});

struct MannWhitneyTest {
  double u_b = 0;  // pairs with b > a, ties half
  double u_a = 0;
  std::optional<PValue> exact_p;  // where na nb <= 2500, ties allowed
  double z = 0;                   // positive when b tends to be larger
  PValue asymptotic_p;
  double corrected_z = 0;
  PValue corrected_p;
  PValue p;  // the exact one where there is one, else the corrected one
  std::string method;
  bool has_ties = false;
  std::vector<std::string> warnings;  // "all_tied": p is 1
};

// throws  Error(kData): "EmptyInput", "NonFiniteInput".
// source  R wilcox.test(b, a), coin wilcox_test (exact with ties), scipy mannwhitneyu(b, a).
MannWhitneyTest mann_whitney_test(std::span<const double> a, std::span<const double> b,
                                  Alternative alternative = Alternative::kTwoSided);

// Hodges and Lehmann's shift of independent samples: the median of all b - a, and the order
// statistics at the quantile of the tie-free U (normal where na nb > 2500).
// source  R wilcox.test(b, a, conf.int = TRUE, exact = TRUE).
Shift independent_shift(std::span<const double> a, std::span<const double> b,
                        const TestOptions& options = {});

}  // namespace peira::stats
