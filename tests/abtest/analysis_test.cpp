#include "abtest/analysis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "base/error.h"
#include "stats/random.h"

namespace peira::abtest {
namespace {

using testing::HasSubstr;

// n units whose outcomes have this mean, spread evenly over mean -+ 1.
ArmData around(double mean, int n) {
  ArmData data(MetricType::kMean);
  for (int i = 0; i < n; ++i) data.add(mean - 1 + 2 * (i + 0.5) / n);
  return data;
}

ArmInput arm(const std::string& key, std::int64_t units, std::map<std::string, ArmData> metrics) {
  return {.key = key, .weight = 1, .num_units = units, .metrics = std::move(metrics)};
}

Metric primary(const std::string& name) { return {.name = name}; }

Metric guardrail(const std::string& name, double margin) {
  return {.name = name, .role = MetricRole::kGuardrail, .margin = margin};
}

TEST(Analysis, ShipsWhatIsBetterAndHarmsNothing) {
  AnalysisInput input;
  input.metrics = {primary("quality"), guardrail("speed", 0.2)};
  input.arms = {arm("control", 400, {{"quality", around(1, 400)}, {"speed", around(3, 400)}}),
                arm("new", 410, {{"quality", around(1.3, 410)}, {"speed", around(3, 410)}})};
  const Analysis got = analyze(input);
  EXPECT_EQ(got.decision, Decision::kShip);
  EXPECT_EQ(got.winner, "new");
  EXPECT_EQ(got.reason, "ship new: better on quality");
  EXPECT_EQ(got.results[0].verdict, MetricVerdict::kImproved);
  EXPECT_EQ(got.results[1].verdict, MetricVerdict::kNotWorse);
}

TEST(Analysis, KeepsTheControlWhenAGuardrailIsHarmed) {
  AnalysisInput input;
  input.metrics = {primary("quality"), guardrail("speed", 0.05)};
  input.arms = {arm("control", 400, {{"quality", around(1, 400)}, {"speed", around(3, 400)}}),
                arm("new", 410, {{"quality", around(1.3, 410)}, {"speed", around(2.7, 410)}})};
  const Analysis got = analyze(input);
  EXPECT_EQ(got.decision, Decision::kKeepControl);
  EXPECT_EQ(got.reason, "keep control: new harms the guardrail speed");
}

TEST(Analysis, WaitsForAGuardrailNotYetShownToHold) {
  AnalysisInput input;
  input.metrics = {primary("quality"), guardrail("speed", 0.01)};
  input.arms = {arm("control", 400, {{"quality", around(1, 400)}, {"speed", around(3, 400)}}),
                arm("new", 410, {{"quality", around(1.3, 410)}, {"speed", around(3, 410)}})};
  EXPECT_THAT(analyze(input).reason, HasSubstr("speed is not yet shown to hold"));
  // Nor does one without data count as held.
  input.arms[1].metrics.erase("speed");
  const Analysis got = analyze(input);
  EXPECT_EQ(got.decision, Decision::kUndecided);
  EXPECT_THAT(got.reason, HasSubstr("speed is not yet shown to hold"));
}

TEST(Analysis, GivesNoVerdictOnABrokenSplit) {
  AnalysisInput input;
  input.metrics = {primary("quality")};
  input.arms = {arm("control", 1000, {{"quality", around(1, 1000)}}),
                arm("new", 1300, {{"quality", around(1.3, 1300)}})};
  const Analysis got = analyze(input);
  EXPECT_TRUE(got.srm_failed);
  EXPECT_EQ(got.decision, Decision::kInvalid);
  EXPECT_FALSE(got.winner.has_value());
  EXPECT_TRUE(got.variants.empty());
  EXPECT_THAT(got.reason, HasSubstr("no result counts"));
}

// Four variants, raw p-values about 0.02 each: alone significant, not after Holm's factor of 4.
TEST(Analysis, CorrectsForManyVariants) {
  AnalysisInput input;
  input.metrics = {primary("quality")};
  input.arms.push_back(arm("control", 200, {{"quality", around(1, 200)}}));
  for (const char* key : {"b", "c", "d", "e"}) {
    input.arms.push_back(arm(key, 200, {{"quality", around(1.134, 200)}}));
  }
  const Analysis got = analyze(input);
  for (const MetricResult& result : got.results) {
    EXPECT_LT(*result.p, 0.05);
    EXPECT_NEAR(*result.adjusted_p, 4 * *result.p, 1e-12);
    EXPECT_EQ(result.verdict, MetricVerdict::kNoDifference);
  }
  EXPECT_EQ(got.decision, Decision::kUndecided);
  input.arms.resize(2);
  EXPECT_EQ(analyze(input).decision, Decision::kShip);
}

TEST(Analysis, SecondaryMetricsDecideNothing) {
  AnalysisInput input;
  Metric explored = primary("length");
  explored.role = MetricRole::kSecondary;
  input.metrics = {primary("quality"), explored};
  input.arms = {arm("control", 300, {{"quality", around(1, 300)}, {"length", around(5, 300)}}),
                arm("new", 300, {{"quality", around(1, 300)}, {"length", around(9, 300)}})};
  const Analysis got = analyze(input);
  EXPECT_EQ(got.results[1].verdict, MetricVerdict::kImproved);
  EXPECT_EQ(got.decision, Decision::kUndecided);
  EXPECT_THAT(got.reason, HasSubstr("no primary metric shows a difference"));
}

TEST(Analysis, LowerMayBeBetter) {
  AnalysisInput input;
  Metric cost = primary("cost");
  cost.better = stats::Better::kLower;
  input.metrics = {cost};
  input.arms = {arm("control", 300, {{"cost", around(5, 300)}}),
                arm("new", 300, {{"cost", around(4, 300)}})};
  EXPECT_EQ(analyze(input).decision, Decision::kShip);
  std::swap(input.arms[0].metrics, input.arms[1].metrics);
  const Analysis got = analyze(input);
  EXPECT_EQ(got.decision, Decision::kKeepControl);
  EXPECT_EQ(got.reason, "keep control: new is worse on cost");
}

TEST(Analysis, TellsOfUnitsThatDoNotCount) {
  AnalysisInput input;
  input.metrics = {primary("quality")};
  input.arms = {arm("control", 50, {{"quality", around(1, 50)}}),
                arm("new", 50, {{"quality", around(1, 50)}})};
  input.num_crossovers = 5;
  input.num_unexposed = 7;
  input.num_early = 2;
  const Analysis got = analyze(input);
  ASSERT_EQ(got.warnings.size(), 3U);
  EXPECT_THAT(got.warnings[0], HasSubstr("assignment is not stable"));
  EXPECT_THAT(got.warnings[1], HasSubstr("7 outcomes"));
  EXPECT_THAT(got.warnings[2], HasSubstr("2 outcomes"));
}

TEST(Analysis, WithoutUnitsIsUndecided) {
  AnalysisInput input;
  input.metrics = {primary("quality")};
  input.arms = {arm("control", 0, {}), arm("new", 0, {})};
  const Analysis got = analyze(input);
  EXPECT_FALSE(got.srm.has_value());
  EXPECT_EQ(got.decision, Decision::kUndecided);
  EXPECT_EQ(got.results[0].verdict, MetricVerdict::kNoTest);
}

TEST(Analysis, RefusesAnUnusableInput) {
  AnalysisInput input;
  input.arms = {arm("control", 1, {})};
  EXPECT_THROW(analyze(input), Error);
  input.arms.push_back(arm("control", 1, {}));
  EXPECT_THROW(analyze(input), Error);
  input.arms[1].key = "new";
  input.metrics = {primary("quality"), primary("quality")};
  EXPECT_THROW(analyze(input), Error);
}

}  // namespace
}  // namespace peira::abtest
