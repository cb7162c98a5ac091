// The same comparison in parts of the units: segments, days, and where another experiment ran
// beside.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "abtest/analysis.h"
#include "abtest/comparison.h"
#include "stats/srm.h"

namespace peira::abtest {

struct BreakdownRow {
  std::string part;  // value of the segment, or day
  Comparison comparison;
  std::optional<double> adjusted_p;  // Benjamini-Hochberg over all rows: false discovery rate
};

// Sums by part. Parts beyond kMostParts go together as "(other)", in the order they came.
// threads: none.
class Breakdown {
 public:
  static constexpr std::size_t kMostParts = 400;

  // arms and metrics as the experiment has them; quantiles are left out.
  Breakdown(std::vector<ArmInput> arms, std::vector<Metric> metrics);

  // The arms of a part, to be added to.
  std::vector<ArmInput>& part(const std::string& name);
  const std::vector<Metric>& metrics() const { return metrics_; }

  // Parts in ascending order of their names; each metric and variant against the control.
  std::vector<BreakdownRow> rows(const ComparisonOptions& options) const;
  // Of all units up to and with each part: what was known by then.
  std::vector<BreakdownRow> cumulative_rows(const ComparisonOptions& options) const;

 private:
  std::vector<ArmInput> empty_;
  std::vector<Metric> metrics_;
  std::map<std::string, std::vector<ArmInput>> parts_;
};

// Whether another experiment on the same units changes this one's effect: the difference of its
// effect between the other's variant and control,
//     (m_vw - m_cw) - (m_v0 - m_c0), Welch's standard error and degrees of freedom of four means.
struct Interaction {
  std::string metric;
  std::string variant;        // of this experiment, against its control
  std::string other_variant;  // of the other one, against its control
  std::optional<double> estimate;
  std::optional<double> std_error;
  std::optional<double> p_value;
  std::optional<double> adjusted_p;  // Holm
};

// cells  by this experiment's arm, then the other's: the sums of that metric.
// The tests are read at 0.01, as each is one of many that nobody planned.
std::vector<Interaction> interactions(const std::string& metric,
                                      const std::vector<std::string>& arms,
                                      const std::vector<std::string>& other_arms,
                                      const std::vector<std::vector<stats::Moments>>& cells);

}  // namespace peira::abtest
