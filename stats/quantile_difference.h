// Difference of a quantile (latency at p50, p95) between two independent arms, by bootstrap.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "stats/intervals.h"

namespace peira::stats {

struct QuantileDifferenceOptions {
  double confidence = 0.95;
  std::int64_t num_resamples = 9999;
  std::uint64_t seed = 1;
};

struct QuantileDifference {
  double quantile_a = 0;
  double quantile_b = 0;
  double estimate = 0;   // b - a
  double std_error = 0;  // of the replicates
  Interval interval;     // percentile interval of the replicates
  // Two-sided, by inverting the percentile interval: 2 min(share of replicates <= 0, >= 0), one
  // added above and below so that it is never 0.
  double p_value = 1;
  std::vector<std::string> warnings;  // "degenerate": all replicates equal
};

// Bootstrap of the type-7 quantile of two independent samples, without drawing whole resamples: the
// k-th smallest of n resampled values is sorted[ceil(n U)] with U the k-th smallest of n uniforms,
// a Beta(k, n - k + 1) variable; the next one follows from the smallest of the n - k left. Exact in
// distribution, three draws a replicate of an arm (Beta by the inverse of its distribution).
//
// sorted_a, sorted_b  ascending, which is not checked.
// cost                num_resamples inverse incomplete betas an arm, whatever the sizes.
// throws              Error(kData) "TooFewObservations": below two values; Error(kUsage)
//                     "InvalidProbability": p or confidence outside (0, 1); "InvalidArgument".
// source              Efron (1979), section 3; order statistics: David and Nagaraja, 2.5.
QuantileDifference quantile_difference(std::span<const double> sorted_a,
                                       std::span<const double> sorted_b, double p,
                                       const QuantileDifferenceOptions& options = {});

}  // namespace peira::stats
