// Tables of two groups by two outcomes: Fisher's exact test and odds ratios.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "stats/intervals.h"

namespace peira::stats {

// [[a, b], [c, d]]: rows are groups, columns outcomes.
struct Table2x2 {
  std::int64_t a = 0, b = 0, c = 0, d = 0;
};

struct OddsRatio {
  double value = 1;
  double log = 0;
  double log_std_error = 0;
  Interval interval;  // exp(log -+ z log_std_error)
};

struct FisherTest {
  double two_sided_p = 1;  // sum over the tables no likelier than this one
  double greater_p = 1;    // P(A >= a): the first group has more of the first outcome
  double less_p = 1;
  // Given the margins. All empty when a margin is 0.
  std::optional<double> conditional_odds_ratio;  // maximum likelihood; may be 0 or infinite
  std::optional<Interval> exact_interval;
  // Woolf's; the sample ratio may be 0 or infinite, its interval needs four counts above 0.
  std::optional<double> sample_odds_ratio;
  std::optional<OddsRatio> woolf;
  // Haldane and Anscombe's, 1/2 added to every count; only where one of them is 0.
  std::optional<OddsRatio> haldane;
  std::vector<std::string> warnings;  // "degenerate_table": a margin is 0
};

// cost    grows with the smaller margin.
// throws  Error(kData) "DegenerateTable": a negative count, or none at all; Error(kUsage)
//         "BudgetExceeded": margins that allow more than 20 million tables; "InvalidProbability".
// source  Fisher (1935); R fisher.test (ties within 1e-7 count as no likelier; interval by
//         inverting both tails of the noncentral hypergeometric); Woolf (1955).
FisherTest fisher_test(const Table2x2& table, double confidence = 0.95);

}  // namespace peira::stats
