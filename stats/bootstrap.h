// Bootstrap intervals: bias-corrected and accelerated (BCa), and percentile ones.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "stats/intervals.h"

namespace peira::stats {

struct BootstrapOptions {
  std::int64_t num_resamples = 9999;
  std::uint64_t seed = 0;
  double confidence = 0.95;
};

struct Bootstrap {
  double estimate = 0;
  double std_error = 0;  // standard deviation of the replicates, denominator B - 1
  Interval percentile;
  // Empty where BCa is undefined: the estimate lies outside all replicates, or leaving out any one
  // value changes nothing.
  std::optional<double> bias_correction;  // z0
  std::optional<double> acceleration;
  std::optional<Interval>
      levels;          // between which quantiles of the replicates the BCa interval lies
  Interval interval;   // BCa, or percentile where that is undefined
  std::string method;  // "bca", "percentile (bca undefined)" or "degenerate"
  std::int64_t num_resamples = 0;
  std::vector<std::string> warnings;  // "degenerate": all replicates equal; "few_clusters": < 10
};

// All of this file throw Error(kData) "TooFewObservations" below two values (or clusters),
// "NonFiniteInput", "LengthMismatch"; Error(kUsage) "InvalidArgument" for fewer than two
// resamples, "InvalidProbability", and "BudgetExceeded" above ten million resamples.
// Resamples draw one after another from one Random(seed) (stats/random.h), as many as there are
// values, in order.
// source  Efron (1987), JASA 82, 171-185; quantiles of replicates: type 7 of Hyndman and Fan.

// What replicates and a jackknife say. Replicates equal the estimate within
// 1e-12 max(1, |estimate|).
Bootstrap bootstrap_from(double estimate, std::vector<double> replicates,
                         std::span<const double> jackknife, double confidence);

enum class SampleStatistic { kMean, kMedian, kStdDev };

// cost  of the mean about 1 ns a draw for 100,000 values; of the others a sort's.
// throws  also "TooFewObservations" below three values for kStdDev.
Bootstrap bootstrap(std::span<const double> values,
                    SampleStatistic statistic = SampleStatistic::kMean,
                    const BootstrapOptions& options = {});

// Over all n^n resamples, each once: no randomness. For up to 7 values, else "BudgetExceeded".
Bootstrap enumerated_bootstrap(std::span<const double> values,
                               SampleStatistic statistic = SampleStatistic::kMean,
                               double confidence = 0.95);

enum class TwoSampleStatistic {
  kMeanDifference,  // mean b - mean a
  kRatioOfMeans     // mean b / mean a; "NotEstimable" when a's mean, or a resample's, is 0
};

// Independent arms: each resample draws arm a, then arm b. The jackknife runs over both.
Bootstrap bootstrap_independent(std::span<const double> a, std::span<const double> b,
                                TwoSampleStatistic statistic, const BootstrapOptions& options = {});

// Pairs: each resample draws pairs.
Bootstrap bootstrap_pairs(std::span<const double> a, std::span<const double> b,
                          TwoSampleStatistic statistic, const BootstrapOptions& options = {});

enum class ClusterLevels {
  kClusters,          // whole clusters are drawn
  kClustersAndValues  // then as many values within each: for the spread of future runs only
};

// Mean of values in clusters: ratio of the drawn clusters' sums to their sizes. Clusters count in
// order of first appearance; with both levels a resample draws all its clusters first, then the
// values of each. The jackknife leaves out clusters.
Bootstrap cluster_bootstrap(std::span<const double> values, std::span<const std::int64_t> clusters,
                            const BootstrapOptions& options = {},
                            ClusterLevels levels = ClusterLevels::kClusters);

}  // namespace peira::stats
