// One metric of one variant against the control: the test that fits the metric's type, what it is
// worth, and how it may be read by whoever looks before the end.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "abtest/metric.h"
#include "stats/bayesian.h"
#include "stats/cuped.h"
#include "stats/equivalence.h"
#include "stats/group_sequential.h"
#include "stats/intervals.h"
#include "stats/ratio_metrics.h"

namespace peira::abtest {

// Declared before the first outcome: when the numbers may be looked at.
enum class Monitoring {
  kFixed,            // once, at the planned end
  kGroupSequential,  // at a few looks, alpha spent over them
  kAnytime           // whenever, as often as one likes
};

const char* to_string(Monitoring monitoring);    // "fixed", "group-sequential", "anytime"
Monitoring monitoring(const std::string& name);  // throws Error(kUsage)

struct ComparisonOptions {
  Monitoring monitoring = Monitoring::kFixed;
  double alpha = 0.05;
  // Units of both arms at which the always-valid interval is tightest.
  std::int64_t tuning_n = 5000;
  // Information fractions of the looks so far, this one last; of kGroupSequential.
  std::vector<double> looks = {};
  bool is_last_look = false;
  stats::Spending spending = stats::Spending::kObrienFleming;
  std::uint64_t seed = 1;             // of bootstraps
  std::int64_t num_resamples = 9999;  // of a bootstrap
};

struct EffectSize {
  std::string name;  // "Hedges g", "Cohen h"
  double value = 0;
  std::optional<stats::Interval> interval;
};

struct Comparison {
  std::string metric;
  std::string variant;
  std::int64_t num_control = 0;
  std::int64_t num_variant = 0;
  std::optional<double> control;  // the metric's value in each arm
  std::optional<double> treated;
  std::optional<double> control_std_dev;
  std::optional<double> treated_std_dev;

  // Why there is no test, "ZeroVariance: ..."; everything below but `estimate` is then empty.
  std::optional<std::string> problem;
  std::string method;              // "Welch t", "CUPED, Welch t", "pooled z", ...
  std::optional<double> estimate;  // treated - control; adjusted where CUPED is
  std::optional<double> std_error;
  std::optional<double> df;  // empty: normal or by bootstrap
  // Of one look at the planned end. Reading it earlier, or again, breaks its error rate.
  std::optional<stats::PValue> fixed_p;
  std::optional<stats::Interval> fixed_interval;
  // Valid at every moment; empty below 100 units and for quantiles.
  std::optional<stats::PValue> anytime_p;
  std::optional<stats::Interval> anytime_interval;
  // Of kGroupSequential: this look's boundary for |z|, and the interval that goes with it.
  std::optional<stats::GroupLook> look;
  std::optional<stats::Interval> look_interval;

  std::optional<stats::RelativeLift> lift;
  std::optional<EffectSize> effect_size;
  std::optional<stats::CupedResult> cuped;
  // Not a p-value, and not safe against stopping when it looks good.
  std::optional<stats::BayesianComparison> bayesian;
  // Of a guardrail: that the variant is not worse by the margin (in units of the metric).
  std::optional<stats::NonInferiority> non_inferiority;
  std::optional<double> margin;
  std::vector<std::string> warnings;

  // The p-value and interval that the plan allows to decide by; a look's p-value is 0 or 1 for
  // having crossed its boundary or not.
  std::optional<double> deciding_p(Monitoring monitoring) const;
  std::optional<stats::Interval> deciding_interval(Monitoring monitoring) const;
  // Whether the variant's estimate is on the better side.
  bool is_improvement(stats::Better better) const;
};

// Means and counts: Welch's t, with CUPED where both arms have a covariate. Proportions: pooled z
// and Miettinen and Nurminen's interval (CUPED's t where there is a covariate). Ratios: delta
// method. Quantiles: bootstrap.
//
// control, treated  of the metric's type.
// throws            Error(kUsage): arms of another type, options out of range. Data that allow no
//                   test are told in `problem`.
Comparison compare(const Metric& metric, const std::string& variant, const ArmData& control,
                   const ArmData& treated, const ComparisonOptions& options = {});

// The p-value of that comparison alone (fixed_p), for who needs many.
// throws  as compare; Error(kData): the data allow no test.
stats::PValue comparison_p_value(const Metric& metric, const ArmData& control,
                                 const ArmData& treated, const ComparisonOptions& options = {});

}  // namespace peira::abtest
