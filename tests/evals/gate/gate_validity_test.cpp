// Whether gates err at the rates they state: simulated runs at the edge of what is claimed.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "stats/random.h"
#include "tests/evals/gate/gate_arms.h"

namespace peira::evals {
namespace {

int num_simulations() {
  const char* text = std::getenv("PEIRA_SIMULATIONS");
  return text == nullptr ? 1000 : std::atoi(text);
}

// Three standard errors above the rate stated.
double allowed(double rate) { return rate + 3 * std::sqrt(rate * (1 - rate) / num_simulations()); }

// Right with chance `share`, in clusters of `size` questions of which some are easy and some hard;
// `copied` of the answers are those of `model`, when there is one.
std::vector<SampleOutcome> draw(stats::Random& random, int count, double share, int size,
                                const std::vector<SampleOutcome>* model = nullptr,
                                double copied = 0) {
  std::vector<SampleOutcome> outcomes;
  double chance = share;
  for (int row = 0; row < count; ++row) {
    if (size > 1 && row % size == 0) chance = random.uniform() < 0.5 ? share - 0.15 : share + 0.15;
    const double drawn = random.uniform() < chance ? 1 : 0;
    const bool copies = random.uniform() < copied;
    const double value =
        model != nullptr && copies ? (*model)[static_cast<std::size_t>(row)].score.value : drawn;
    outcomes.push_back(scored(row, 0, value, row % 2 == 0 ? "A" : "B"));
    outcomes.back().gold = row % 2 == 0 ? "A" : "B";
    if (size > 1) outcomes.back().cluster = "c" + std::to_string(row / size);
    outcomes.back().metadata["half"] = row % 4 < 2 ? "first" : "second";
  }
  return outcomes;
}

struct Rates {
  double pass = 0, fail = 0;
};

Rates rates(const GatePolicy& policy, double share, double base_share, int count, int size) {
  stats::Random random(20261126);
  Rates out;
  for (int i = 0; i < num_simulations(); ++i) {
    const std::vector<SampleOutcome> before = draw(random, count, base_share, size);
    const GateArm base = gate_arm("b", before);
    // Half of the answers are shared where scores are equal, so that gates are correlated.
    const double copied = share == base_share ? 0.5 : 0;
    const GateArm arm = gate_arm("c", draw(random, count, share, size, &before, copied));
    const GateReport report = judged(policy, arm, &base);
    out.pass += report.status == GateStatus::kPass;
    out.fail += report.status == GateStatus::kFail;
  }
  out.pass /= num_simulations();
  out.fail /= num_simulations();
  return out;
}

// All claims true and at their boundary: scores of exactly the bound, a candidate exactly as good.
const GatePolicy kPolicy =
    policy_of({gate_of("s", GateKind::kMin, 0.7), gate_of("s[half=first]", GateKind::kMin, 0.7),
               gate_of("s[half=second]", GateKind::kMin, 0.7),
               gate_of("s", GateKind::kNoWorse, 0.05, "base")});

TEST(GateValidity, TrueClaimsAtTheBoundaryFailAtMostAtTheRateStated) {
  EXPECT_LE(rates(kPolicy, 0.7, 0.7, 200, 1).fail, allowed(0.05));
  EXPECT_LE(rates(kPolicy, 0.7, 0.7, 200, 10).fail, allowed(0.05));
}

TEST(GateValidity, AFalseClaimAtTheBoundaryPassesAtMostAtTheRateStated) {
  // Worse by the whole margin; the other gates are easy.
  const GatePolicy policy = policy_of(
      {gate_of("s", GateKind::kMin, 0.3), gate_of("s", GateKind::kNoWorse, 0.05, "base")});
  for (const int size : {1, 10}) {
    const Rates at_margin = rates(policy, 0.65, 0.7, 200, size);
    EXPECT_LE(at_margin.pass, allowed(0.05)) << size;
    const Rates at_bound =
        rates(policy_of({gate_of("s", GateKind::kMin, 0.7)}), 0.7, 0.7, 200, size);
    EXPECT_LE(at_bound.pass, allowed(0.05)) << size;
  }
  const Rates equivalent =
      rates(policy_of({gate_of("s", GateKind::kEquivalent, 0.05, "base")}), 0.65, 0.7, 200, 1);
  EXPECT_LE(equivalent.pass, allowed(0.05));
}

TEST(GateValidity, FewClustersKeepTheRate) {
  const GatePolicy policy = policy_of({gate_of("s", GateKind::kNoWorse, 0.1, "base")});
  EXPECT_LE(rates(policy, 0.6, 0.7, 120, 15).pass, allowed(0.05));  // 8 clusters
}

TEST(GateValidity, PowerIsThere) {
  EXPECT_GE(rates(policy_of({gate_of("s", GateKind::kMin, 0.7)}), 0.85, 0.85, 200, 1).pass, 0.95);
  EXPECT_GE(rates(kPolicy, 0.5, 0.7, 200, 1).fail, 0.95);
  EXPECT_GE(
      rates(policy_of({gate_of("s", GateKind::kNoWorse, 0.1, "base")}), 0.8, 0.7, 400, 10).pass,
      0.95);
}

}  // namespace
}  // namespace peira::evals
