// Runs made by hand, for tests of gates.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "evals/gate/gate.h"
#include "tests/evals/outcomes.h"

namespace peira::evals {

// A complete run of suite "s" whose outcomes are these.
inline GateArm gate_arm(const std::string& id, std::vector<SampleOutcome> outcomes) {
  GateArm arm;
  arm.record.run_id = id;
  arm.record.suite = "s";
  arm.record.complete = true;
  arm.replies = id;
  std::int64_t last = -1;
  for (const SampleOutcome& outcome : outcomes) {
    arm.num_rows += outcome.row != last;
    last = outcome.row;
  }
  arm.outcomes = std::move(outcomes);
  return arm;
}

// `right` right answers, then wrong ones up to `count`; golds and answers vary.
inline std::vector<SampleOutcome> answers(int count, int right) {
  std::vector<SampleOutcome> outcomes;
  for (int row = 0; row < count; ++row) {
    outcomes.push_back(scored(row, 0, row < right ? 1 : 0, row % 2 == 0 ? "A" : "B"));
    outcomes.back().gold = row % 2 == 0 ? "A" : "B";
  }
  return outcomes;
}

inline Gate gate_of(const std::string& target, GateKind kind, double bound,
                    const std::string& baseline = "") {
  Gate gate;
  gate.target = parse_gate_target(target);
  gate.kind = kind;
  gate.bound = bound;
  gate.baseline = baseline;
  return gate;
}

inline GatePolicy policy_of(std::vector<Gate> gates) {
  GatePolicy policy;
  policy.gates = std::move(gates);
  return policy;
}

// Verdict of `policy` on `candidate`, with `baseline` under the name "base".
inline GateReport judged(const GatePolicy& policy, const GateArm& candidate,
                         const GateArm* baseline = nullptr) {
  std::map<std::pair<std::string, std::string>, const GateArm*> baselines;
  if (baseline != nullptr)
    baselines.emplace(std::pair(std::string("base"), std::string("s")), baseline);
  return evaluate(policy, std::span(&candidate, 1), baselines);
}

}  // namespace peira::evals
