// A/A self-check: the whole machinery on splits that make no difference. It must find a difference
// as often as alpha says, no more and no less.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "abtest/comparison.h"
#include "abtest/metric.h"
#include "stats/goodness_of_fit.h"

namespace peira::abtest {

// What one unit had of a metric.
struct UnitOutcome {
  std::optional<double> value = {};  // numerator of a ratio
  std::optional<double> other = {};  // covariate, or denominator
};

struct MeasuredUnit {
  std::string unit;
  std::vector<UnitOutcome> outcomes;  // as the metrics go
};

struct SelfCheckOptions {
  std::int64_t num_splits = 1000;
  double alpha = 0.05;
  std::uint64_t seed = 1;  // names the splits: other seeds, other splits
  // p below which a check of uniformity or of the error rate fails. Checks are made of every
  // metric, so it is low.
  double failure_p = 0.001;
};

struct MetricSelfCheck {
  std::string metric;
  std::int64_t num_tests = 0;     // splits that allowed a test
  std::int64_t num_rejected = 0;  // p < alpha
  double rejection_rate = 0;
  double rate_p = 1;                    // two-sided exact binomial of num_rejected against alpha
  stats::KolmogorovSmirnov uniformity;  // of all p-values
  bool passed = false;
  std::string note;  // why a check was not made, or what to read it with
};

struct SelfCheck {
  std::vector<MetricSelfCheck> metrics;
  std::int64_t num_units = 0;
  std::int64_t num_splits = 0;
  std::int64_t ratio_alarms = 0;  // splits that the sample ratio check called broken
  double ratio_alarm_p = 1;       // upper tail of that many at its threshold
  bool passed = false;
};

// Splits `units` in halves num_splits times, by bucket_10000 with the salts "aa/SEED/0",
// "aa/SEED/1"
// ... that assignment uses as well, and tests each metric between the halves.
//
// p-values of shares and of few units are discrete: their uniformity is reported but does not fail
// the check; their error rate does, when above alpha.
//
// throws  Error(kData) "TooFewObservations": fewer than 20 units; Error(kUsage): options, metrics.
SelfCheck self_check(std::span<const MeasuredUnit> units, std::span<const Metric> metrics,
                     const SelfCheckOptions& options = {});

// Units and metrics of every type, generated, for a check without data of one's own.
struct GeneratedUnits {
  std::vector<Metric> metrics;
  std::vector<MeasuredUnit> units;
};
GeneratedUnits generated_units(std::int64_t num_units, std::uint64_t seed);

}  // namespace peira::abtest
