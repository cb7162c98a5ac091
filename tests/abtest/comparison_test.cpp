// The numbers below are those of the statistics specification for the procedures behind them
// (R 4.2.2, statsmodels 0.13.5, ratesci, mpmath as named there).
#include "abtest/comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/error.h"

namespace peira::abtest {
namespace {

const std::vector<double> kA{41.2, 39.8, 44.1, 40.5, 38.9, 42.7, 43.3, 37.6, 45, 41.9, 40.2, 39.1};
const std::vector<double> kB{43.9, 46.2, 42.8, 47.1, 44.4, 41.7, 48.3, 45.5, 43.1, 46.8};

ArmData arm(MetricType type, const std::vector<double>& values) {
  ArmData data(type);
  for (const double value : values) data.add(value);
  return data;
}

ArmData shares(std::int64_t successes, std::int64_t trials) {
  ArmData data(MetricType::kProportion);
  for (std::int64_t i = 0; i < trials; ++i) data.add(i < successes ? 1 : 0);
  return data;
}

Metric metric(MetricType type, MetricRole role = MetricRole::kPrimary, double margin = 0) {
  return {.name = "m", .type = type, .role = role, .margin = margin};
}

TEST(Compare, MeansByWelch) {
  const Comparison got = compare(metric(MetricType::kMean), "b", arm(MetricType::kMean, kA),
                                 arm(MetricType::kMean, kB));
  EXPECT_FALSE(got.problem.has_value());
  EXPECT_NEAR(*got.estimate, 3.78833333333333, 1e-12);
  EXPECT_NEAR(got.fixed_p->value, 0.000671274949361022, 1e-12);
  EXPECT_NEAR(got.fixed_interval->low, 1.82679402863646, 1e-11);
  EXPECT_EQ(got.effect_size->name, "Hedges g");
  EXPECT_NEAR(got.effect_size->value, 1.65264358348186, 1e-11);
  EXPECT_NEAR(got.effect_size->interval->low, 0.683606596634762, 1e-9);
  EXPECT_NEAR(got.lift->lift, 0.0919684402184908, 1e-12);
  EXPECT_NEAR(got.lift->fieller_interval->low, 0.0462707436734401, 1e-11);
  // 22 units: nothing is said for those who look all the time.
  EXPECT_FALSE(got.anytime_p.has_value());
  EXPECT_FALSE(got.deciding_p(Monitoring::kAnytime).has_value());
}

TEST(Compare, SharesByScore) {
  const Comparison got =
      compare(metric(MetricType::kProportion), "b", shares(142, 200), shares(165, 200));
  EXPECT_NEAR(got.fixed_p->value, 0.00648155050928558, 1e-12);
  EXPECT_NEAR(got.fixed_interval->low, 0.0324181121874931, 1e-10);
  EXPECT_NEAR(got.effect_size->value, 0.27413911665547, 1e-12);
  EXPECT_GT(got.bayesian->chance_to_beat, 0.99);
  EXPECT_TRUE(got.anytime_p.has_value());
  EXPECT_GT(got.anytime_p->value, got.fixed_p->value);
}

TEST(Compare, WithCovariatesByCuped) {
  ArmData control(MetricType::kMean), treated(MetricType::kMean);
  const std::vector<double> yc{12.1, 9.8, 14.3, 11, 10.2, 13.5, 8.9, 12.7};
  const std::vector<double> xc{11, 9.1, 13.2, 10.8, 9.9, 12.1, 8.2, 12};
  const std::vector<double> yt{13.4, 12, 15.1, 10.9, 12.8, 14.9, 11.5, 13};
  const std::vector<double> xt{11.4, 10.6, 13, 9.4, 11.2, 12.9, 10.1, 11.1};
  for (std::size_t i = 0; i < yc.size(); ++i) control.add(yc[i], xc[i]);
  for (std::size_t i = 0; i < yt.size(); ++i) treated.add(yt[i], xt[i]);
  const Comparison got = compare(metric(MetricType::kMean), "b", control, treated);
  EXPECT_EQ(got.method, "Welch t after CUPED");
  EXPECT_NEAR(*got.estimate, 0.900189284832524, 1e-11);
  EXPECT_NEAR(got.fixed_p->value, 8.06080590489899e-05, 1e-13);
  EXPECT_NEAR(got.cuped->variance_reduction, 0.972703251842623, 1e-11);
}

TEST(Compare, RatiosByTheDeltaMethod) {
  ArmData control(MetricType::kRatio), treated(MetricType::kRatio);
  const std::vector<double> num{3, 5, 2, 8, 6, 4}, den{10, 14, 7, 20, 18, 11};
  for (std::size_t i = 0; i < num.size(); ++i) {
    control.add_ratio(num[i], den[i]);
    treated.add_ratio(2 * num[i], den[i]);
  }
  const Comparison got = compare(metric(MetricType::kRatio), "b", control, treated);
  EXPECT_NEAR(*got.control, 0.35, 1e-15);
  EXPECT_NEAR(*got.estimate, 0.35, 1e-14);
  // Standard errors 0.0171846588560844 and twice that.
  EXPECT_NEAR(*got.std_error, 0.0171846588560844 * std::sqrt(5.0), 1e-14);
  EXPECT_FALSE(got.effect_size.has_value());
}

TEST(Compare, QuantilesByBootstrap) {
  ArmData control(MetricType::kQuantile), treated(MetricType::kQuantile);
  for (int i = 0; i < 200; ++i) {
    control.add(i);
    treated.add(i + 60);
  }
  const Comparison got = compare({.name = "p90", .type = MetricType::kQuantile, .quantile = 0.9},
                                 "b", control, treated);
  EXPECT_NEAR(*got.estimate, 60, 1e-12);
  EXPECT_LT(got.fixed_p->value, 0.01);
  EXPECT_LT(got.fixed_interval->low, 60);
  EXPECT_GT(got.fixed_interval->high, 60);
  EXPECT_FALSE(got.lift.has_value());
}

TEST(Compare, TellsWhyThereIsNoTest) {
  const Comparison few = compare(metric(MetricType::kMean), "b", arm(MetricType::kMean, {1}),
                                 arm(MetricType::kMean, {2, 3}));
  EXPECT_THAT(*few.problem, testing::StartsWith("TooFewObservations"));
  EXPECT_DOUBLE_EQ(*few.estimate, 1.5);
  EXPECT_FALSE(few.fixed_p.has_value());
  const Comparison flat = compare(metric(MetricType::kMean), "b", arm(MetricType::kMean, {1, 1, 1}),
                                  arm(MetricType::kMean, {2, 2, 2}));
  EXPECT_THAT(*flat.problem, testing::StartsWith("ZeroVariance"));
  const Comparison none = compare(metric(MetricType::kMean), "b", ArmData(MetricType::kMean),
                                  arm(MetricType::kMean, {2, 3}));
  EXPECT_TRUE(none.problem.has_value());
  EXPECT_FALSE(none.estimate.has_value());
  EXPECT_THROW(compare(metric(MetricType::kMean), "b", arm(MetricType::kCount, {1, 2}),
                       arm(MetricType::kMean, {2, 3})),
               Error);
}

TEST(Compare, GuardrailsAreNonInferiorityTests) {
  const Metric guard = metric(MetricType::kProportion, MetricRole::kGuardrail, 0.03);
  const Comparison got = compare(guard, "b", shares(805, 1000), shares(800, 1000));
  EXPECT_NEAR(got.non_inferiority->p_value, 0.0803225211335507, 1e-11);
  EXPECT_FALSE(got.non_inferiority->non_inferior);
  const Comparison wide = compare(metric(MetricType::kProportion, MetricRole::kGuardrail, 0.05),
                                  "b", shares(805, 1000), shares(800, 1000));
  EXPECT_TRUE(wide.non_inferiority->non_inferior);
  Metric relative = guard;
  relative.margin = 0.1;
  relative.margin_is_relative = true;
  EXPECT_NEAR(*compare(relative, "b", shares(800, 1000), shares(800, 1000)).margin, 0.08, 1e-12);
}

TEST(Compare, LooksHaveBoundaries) {
  ComparisonOptions options;
  options.monitoring = Monitoring::kGroupSequential;
  EXPECT_THROW(compare(metric(MetricType::kMean), "b", arm(MetricType::kMean, kA),
                       arm(MetricType::kMean, kB), options),
               Error);
  options.looks = {0.5};
  const Comparison half = compare(metric(MetricType::kMean), "b", arm(MetricType::kMean, kA),
                                  arm(MetricType::kMean, kB), options);
  EXPECT_NEAR(half.look->boundary, 2.96258804272757, 1e-7);
  EXPECT_EQ(*half.deciding_p(Monitoring::kGroupSequential), 0);  // z = 4.03
  options.looks = {0.5, 1};
  const Comparison full = compare(metric(MetricType::kMean), "b", arm(MetricType::kMean, kA),
                                  arm(MetricType::kMean, kB), options);
  EXPECT_NEAR(full.look->boundary, 1.96859564059366, 1e-7);
}

}  // namespace
}  // namespace peira::abtest
