// How a quantile of latency differs between two runs of the same questions.
#pragma once

#include <cstdint>
#include <string>

#include "evals/gate/gate.h"
#include "stats/intervals.h"

namespace peira::evals::detail {

// Candidate less baseline, in seconds; what failed answers could have taken is set to either end.
struct QuantileChange {
  // p of the nulls that the candidate is slower by at least so much, or by at most so much: shares
  // of the replicates, one added above and below.
  double slower_by_margin = 1, slower_at_all = 1;  // at least `margin`; at most 0
  double faster_by_margin = 1;                     // at most -margin
  double within_above = 1, within_below = 1;       // at most margin; at least -margin
  double estimate = 0;                             // failures left out
  double std_error = 0;
  stats::Interval interval;  // percentiles of the replicates, at 1 - 2 alpha
  std::int64_t num_pairs = 0, num_clusters = 0;
  std::string method;  // "" where there are too few clusters to draw from
};

// Independent questions that a difference needs: 20, and as many as bring one beyond the quantile
// with a chance of 95 %: 29 at p90, 59 at p95, 299 at p99.
//
// quantile  0 < quantile < 1.
std::int64_t fewest_clusters(double quantile);

// Bootstrap of whole clusters of questions asked in both runs, each replicate's type-7 quantiles
// compared: pairs keep together, so that what makes a question slow in both runs cancels. For the
// p-values the run that would be the faster one gives the value one rank above its quantile: a
// sample's upper quantile lies below the true one more often than above, the more so the longer the
// tail, and without the rank p95 of 80 answers with a long tail was called faster at 0.10 where
// 0.05 was stated.
//
// quantile  0 < quantile < 1.
// cost      about 2,000 walks over all answers; fewer, 200 at least, above 20,000 of them.
// source    Efron (1979), section 3; whole clusters: Davison and Hinkley (1997), 3.8. Sizes
//           simulated in tests/evals/gate/gate_validity_test.cpp.
QuantileChange quantile_change(const GateArm& baseline, const GateArm& candidate,
                               const GateTarget& target, double quantile, double margin,
                               double alpha);

}  // namespace peira::evals::detail
