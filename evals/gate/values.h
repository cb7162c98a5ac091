// What a gate's test sees of a run: one value a question, with what failures could have made of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "evals/gate/gate.h"

namespace peira::evals::detail {

// One question's value of a metric.
struct UnitValue {
  std::string id, cluster;         // cluster as cluster_key() has it
  std::optional<double> value;     // over the answers that did not fail
  double lowest = 0, highest = 0;  // over all, failed ones at their extremes
  int num_answers = 0;
  double within = 0;  // variance of one answer's value about the question's own, of two or more
};

struct UnitValues {
  std::vector<UnitValue> units;      // those that have a value or could have had one
  std::int64_t num_scored = 0;       // of them with a value
  std::int64_t num_in_cell = 0;      // questions of the run that the target speaks of
  std::vector<double> measurements;  // sorted; of quantile metrics alone
  std::int64_t num_unmeasured = 0;   // answers whose cost their tokens do not tell
  bool is_share = true;              // values lie in [0, 1]
  bool higher_is_better = false;
};

// The quantile that `metric` asks for; empty for others.
std::optional<double> quantile_of(const std::string& metric);

// The values of `target` in `arm`. Of quantile metrics the value is the share of answers within
// `bound`. throws Error(kUsage): cost without prices, or no such field.
UnitValues unit_values(const GateArm& arm, const GateTarget& target, double bound);

}  // namespace peira::evals::detail
