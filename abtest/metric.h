// What an experiment measures: a metric's definition, and the sufficient statistics of one variant
// from which it is analysed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "stats/cuped.h"
#include "stats/equivalence.h"
#include "stats/moments.h"

namespace peira::abtest {

enum class MetricType {
  kMean,        // a number a unit: quality, cost, latency
  kProportion,  // 0 or 1 a unit: solved, converted
  kCount,       // events a unit: requests, thumbs up
  kRatio,       // a sum over another, both of a unit: tokens per answer
  kQuantile     // a quantile over units: p95 latency
};

enum class MetricRole {
  kPrimary,    // decides; all primary metrics and variants share one family-wise error level
  kSecondary,  // explored; false discovery rate over all of them
  kGuardrail   // must not get worse by more than its margin: non-inferiority
};

// The names of these values in files and commands: "mean", "guardrail", ...
const char* to_string(MetricType type);
const char* to_string(MetricRole role);
const char* to_string(stats::Better better);  // "higher", "lower"
// throw Error(kUsage) listing the names there are.
MetricType metric_type(const std::string& name);
MetricRole metric_role(const std::string& name);
stats::Better better(const std::string& name);

struct Metric {
  std::string name;
  MetricType type = MetricType::kMean;
  stats::Better better = stats::Better::kHigher;
  MetricRole role = MetricRole::kPrimary;
  // Largest tolerable loss of a guardrail, > 0, in units of the metric, or a share of the control's
  // value where `margin_is_relative`.
  double margin = 0;
  bool margin_is_relative = false;
  double quantile = 0.5;  // of kQuantile, in (0, 1)
  // An exposed unit without an outcome counts as 0 (a conversion that did not happen) instead of
  // not measured.
  bool missing_is_zero = false;
  // Values above count as it (winsorised); part of what the metric is.
  std::optional<double> cap = {};
};

// throws Error(kUsage) naming metric and field: an empty or over-long name, a guardrail without a
// margin, a quantile outside (0, 1), a cap that is not finite.
void check_metric(const Metric& metric);

// What the analysis needs of one metric in one variant. Mergeable, one value a unit.
// threads: none; give each thread its own and merge.
class ArmData {
 public:
  explicit ArmData(MetricType type = MetricType::kMean) : type_(type) {}
  // From sums made elsewhere; of a type other than kQuantile.
  // throws Error(kData): kProportion with a mean or variance that no zeros and ones have.
  static ArmData from_values(MetricType type, const stats::CupedArm& values);
  static ArmData from_ratio(const stats::PairedMoments& units);

  // The outcome of one unit. throws Error(kData) "NonFiniteInput", or "InvalidArgument" for a
  // proportion's outcome that is neither 0 nor 1 or a count's that is negative.
  void add(double outcome);
  void add(double outcome, double covariate);  // known before the unit was exposed
  void add_ratio(double numerator, double denominator);
  void merge(const ArmData& other);

  MetricType type() const { return type_; }
  std::int64_t num_units() const;
  // Outcomes of all units, with and without covariate; numerators of a ratio.
  stats::Moments outcomes() const;
  const stats::CupedArm& values() const { return values_; }
  bool has_covariate() const { return values_.known.a().count() > 0; }
  const stats::PairedMoments& ratio() const { return ratio_; }
  const std::vector<double>& quantile_values() const { return quantile_values_; }

  // Mean; the ratio; the quantile `p`. Empty without units, or where it is not defined.
  std::optional<double> estimate(double p = 0.5) const;
  // Standard deviation between units; of a ratio none.
  std::optional<double> std_dev() const;

 private:
  MetricType type_;
  stats::CupedArm values_;
  stats::PairedMoments ratio_;
  std::vector<double> quantile_values_;  // as added; only of kQuantile
};

}  // namespace peira::abtest
