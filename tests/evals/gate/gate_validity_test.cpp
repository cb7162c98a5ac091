// Whether gates err at the rates they state: simulated runs at the edge of what is claimed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include "stats/distributions.h"
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

// Suites in three families. Those at their bound are true and may not fail; those below it are
// false and may not pass.
struct FamilyRates {
  double false_pass = 0, false_fail = 0;
};

FamilyRates family_rates(const std::vector<double>& shares_right, double second_share) {
  constexpr double kBound = 0.7;
  constexpr int kQuestions = 150;
  GatePolicy policy;
  policy.families = {{"a"}, {"b", second_share}, {"c", second_share}};
  for (std::size_t i = 0; i < shares_right.size(); ++i) {
    policy.gates.push_back(gate_of("s" + std::to_string(i), GateKind::kMin, kBound));
    policy.gates.back().family = i / 2;
  }
  stats::Random random(20261127);
  FamilyRates rates;
  for (int simulation = 0; simulation < num_simulations(); ++simulation) {
    std::vector<GateArm> arms;
    for (std::size_t i = 0; i < shares_right.size(); ++i) {
      // Each suite shares half of its answers with the one before it.
      const std::vector<SampleOutcome>* before = arms.empty() ? nullptr : &arms.back().outcomes;
      const bool equal = i > 0 && shares_right[i] == shares_right[i - 1];
      arms.push_back(gate_arm("r" + std::to_string(i), draw(random, kQuestions, shares_right[i], 1,
                                                            before, equal ? 0.5 : 0)));
      arms.back().record.suite = "s" + std::to_string(i);
    }
    const GateReport report = evaluate(policy, arms, {});
    bool passed = false, failed = false;
    for (const GateResult& gate : report.gates) {
      const double right = shares_right[static_cast<std::size_t>(gate.gate.target.suite[1] - '0')];
      failed = failed || (gate.status == GateStatus::kFail && right >= kBound);
    }
    for (std::size_t f = 0; f < 3; ++f) {
      const bool all_true = shares_right[2 * f] > kBound && shares_right[2 * f + 1] > kBound;
      passed = passed || (report.families[f].status == GateStatus::kPass && !all_true);
    }
    rates.false_pass += passed;
    rates.false_fail += failed;
  }
  rates.false_pass /= num_simulations();
  rates.false_fail /= num_simulations();
  return rates;
}

TEST(GateValidity, FamiliesKeepTheRateWhateverIsTrue) {
  for (const double share : {0.0, 0.2}) {
    for (const std::vector<double>& right :
         {std::vector<double>{0.7, 0.7, 0.7, 0.7, 0.7, 0.7},     // all at their bound
          std::vector<double>{0.55, 0.55, 0.7, 0.7, 0.55, 0.7},  // the first family false
          std::vector<double>{0.85, 0.85, 0.7, 0.85, 0.7, 0.7},  // the first one true by far
          std::vector<double>{0.55, 0.7, 0.85, 0.7, 0.55, 0.7}}) {
      const FamilyRates rates = family_rates(right, share);
      EXPECT_LE(rates.false_pass, allowed(0.05)) << right[0] << " " << share;
      EXPECT_LE(rates.false_fail, allowed(0.05)) << right[0] << " " << share;
    }
  }
}

// Latencies that share what makes a question slow; the candidate slower by exactly the margin, with
// a longer or a shorter tail.
TEST(GateValidity, QuantilesSlowerByTheMarginPassAtMostAtTheRateStated) {
  const int simulations = std::max(100, num_simulations() / 8);
  constexpr double kMargin = 0.3, kSpread = 0.5;
  for (const double p : {0.5, 0.95}) {
    const double z = stats::normal_quantile(p);
    for (const double tail : {0.6, 1.0, 1.6, 2.2}) {
      stats::Random random(5);
      int passed = 0;
      for (int i = 0; i < simulations; ++i) {
        std::vector<SampleOutcome> before = answers(p == 0.5 ? 40 : 80, 20), after = before;
        for (std::size_t q = 0; q < before.size(); ++q) {
          const auto normal = [&] {
            return stats::normal_quantile(std::max(random.uniform(), 1e-300));
          };
          const double shared = normal();
          const double own = 0.6 * shared + 0.8 * normal();
          before[q].latency_s = std::exp(kSpread * shared);
          // Shifted so that the quantiles differ by the margin.
          after[q].latency_s = 10 + std::exp(kSpread * tail * own) - std::exp(kSpread * tail * z) +
                               std::exp(kSpread * z) + kMargin;
          before[q].latency_s += 10;
        }
        const GateArm base = gate_arm("b", before);
        const char* target = p == 0.5 ? "s.latency.p50" : "s.latency.p95";
        passed += judged(policy_of({gate_of(target, GateKind::kNoWorse, kMargin, "base")}),
                         gate_arm("c", after), &base)
                      .status == GateStatus::kPass;
      }
      const double rate = static_cast<double>(passed) / simulations;
      EXPECT_LE(rate, 0.05 + 3 * std::sqrt(0.05 * 0.95 / simulations)) << p << " " << tail;
    }
  }
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
