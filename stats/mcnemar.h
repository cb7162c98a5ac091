// McNemar's test and intervals for paired right/wrong answers. Every difference is b - a.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "stats/intervals.h"

namespace peira::stats {

// How the pairs of two runs over the same questions fall.
struct PairedCounts {
  std::int64_t both_right = 0;
  std::int64_t only_a = 0;  // right in A, wrong in B
  std::int64_t only_b = 0;  // wrong in A, right in B
  std::int64_t both_wrong = 0;

  std::int64_t total() const { return both_right + only_a + only_b + both_wrong; }
  std::int64_t discordant() const { return only_a + only_b; }
};

struct McNemar {
  double difference = 0;   // share right in B less share right in A
  double exact_p = 1;      // two-sided binomial on the discordant pairs
  double mid_p = 1;        // the same, less half the observed probability twice: the default
  double chi_squared = 0;  // 1 degree of freedom
  double asymptotic_p = 1;
  double corrected_chi_squared = 0;  // with continuity correction
  double corrected_p = 1;
  std::optional<double> discordant_odds_ratio;  // only_b / only_a; empty when only_a is 0
  std::vector<std::string> warnings;            // "no_discordant_pairs"
};

// throws  Error(kUsage) "InvalidArgument": a negative count; Error(kData) "EmptyInput": no pairs.
// source  McNemar (1947); mid-p: Fagerland, Lydersen and Laake (2013).
McNemar mcnemar_test(const PairedCounts& counts);

// Score interval of the difference, the default: keeps its coverage at 0 and 1 and for few pairs.
// throws  as mcnemar_test; Error(kUsage) "InvalidProbability".
// source  Tango (1998), Statistics in Medicine 17, 891-908.
Interval tango_interval(const PairedCounts& counts, double confidence = 0.95);

// Tango's score of a true difference `difference` in (-1, 1): z of the null that it is that one;
// falls as it rises, and is infinite where the variance vanishes.
// source  (n01 - n10 - N d) / sqrt(N (2 q + d (1 - d))), q the estimate of P(right in A only) under
// d.
double tango_score(const PairedCounts& counts, double difference);

// Newcombe's interval from the Wilson limits of both shares and their correlation.
// source  Newcombe (1998), Statistics in Medicine 17, 2635-2650, method 10.
Interval newcombe_paired_interval(const PairedCounts& counts, double confidence = 0.95);

// Wald's interval: sqrt(m - (b - c)^2 / N) / N. For comparison with other tools only.
Interval wald_paired_interval(const PairedCounts& counts, double confidence = 0.95);

}  // namespace peira::stats
