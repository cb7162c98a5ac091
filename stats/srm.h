// Sample ratio mismatch: whether the units of an experiment fell on its variants as the split says.
// A mismatch means that assignment or logging is broken, and no result of the experiment counts.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "stats/distributions.h"

namespace peira::stats {

enum class SrmStatus {
  kOk,           // the counts are what the split lets one expect
  kMismatch,     // they are not: p below the threshold
  kInsufficient  // too few units for the test
};

const char* to_string(SrmStatus status);

struct SrmOptions {
  double threshold = 0.001;          // a p below it is a mismatch
  double prior_concentration = 100;  // of the sequential test: alpha_i = concentration * weight_i
};

struct SrmResult {
  double chi_squared = 0;
  int df = 0;  // variants with a positive weight, less one
  // Chi-squared, or exact binomial where an expected count is below 5; empty if insufficient.
  std::optional<double> p_value;
  std::optional<double> log10_p;  // finite also where p_value underflows
  bool exact = false;             // p_value is the exact binomial one
  SrmStatus status = SrmStatus::kInsufficient;

  // The test that may be looked at every day: e-value of a Dirichlet-multinomial mixture against
  // the split, its logarithm, and p = min(1, 1/e), valid whenever one stops.
  double log_e_value = 0;
  double sequential_p = 1;
  bool sequential_mismatch = false;  // 1/e at or below the threshold

  std::int64_t num_units = 0;             // in variants with a positive weight
  std::int64_t units_of_zero_weight = 0;  // a configuration error when positive
  std::vector<std::string> warnings;      // "units_in_zero_weight_arm", "insufficient"
};

// Tests counts against a split.
//
// observed  [num_variants], units a variant, >= 0.
// weights   [num_variants], >= 0, need not sum to 1. Variants of weight 0 are in neither the sum
//           nor the degrees of freedom; one of positive weight and no units is in both.
// throws    Error(kData): "LengthMismatch", "EmptyInput" (no units); Error(kUsage):
//           "InvalidArgument" for a negative count, a weight that is negative, not finite or
//           positive but below 1e-9 of their sum, fewer than two positive weights, or a bad option.
// source    Pearson's chi-squared (R chisq.test(observed, p = weights)); below 5 expected units in
//           a variant and with at most 200 units in two variants, R binom.test;
//           ln E = lnG(A) - lnG(A + N) + sum [lnG(a_i + O_i) - lnG(a_i)] - sum O_i ln w_i
//           with a_i = 100 w_i, A = sum a_i (Lindon and Malek 2022, arXiv:2011.03567).
SrmResult sample_ratio_mismatch(std::span<const std::int64_t> observed,
                                std::span<const double> weights, const SrmOptions& options = {});

struct SrmGroup {
  SrmResult test;                    // its status by the adjusted p
  std::optional<double> adjusted_p;  // Holm's over all groups that have a p; empty like theirs
};

// The same for every day or every segment of an experiment, Holm's adjustment over them: one bad
// segment must not hide in a good total, nor many segments raise a false alarm. A group without
// units is insufficient.
//
// observed  a row of counts a group.
// throws    as sample_ratio_mismatch, but for "EmptyInput".
std::vector<SrmGroup> sample_ratio_mismatch_by_group(
    std::span<const std::vector<std::int64_t>> observed, std::span<const double> weights,
    const SrmOptions& options = {});

// p-value that two assignments of the same units are independent: chi-squared of their cross
// tabulation, without continuity correction (R chisq.test(table, correct = FALSE)).
//
// table   [num_rows * num_columns], counts, rows one after another; empty rows and columns are left
//         out.
// throws  Error(kUsage) "InvalidArgument"; Error(kData) "DegenerateTable": fewer than two rows or
//         columns hold units.
struct IndependenceTest {
  double chi_squared = 0;
  int df = 0;
  PValue p;
  double smallest_expected = 0;
};
IndependenceTest assignment_independence(std::span<const std::int64_t> table,
                                         std::int64_t num_columns);

}  // namespace peira::stats
