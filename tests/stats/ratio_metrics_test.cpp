#include "stats/ratio_metrics.h"

#include <cmath>
#include <string>
#include <vector>

#include "tests/stats/errors.h"

namespace peira::stats {
namespace {

using Values = std::vector<double>;

// The residuals y - R x are 0, so the ratio is certain.
TEST(RatioMetric, IsCertainWhenAllUnitsAgree) {
  const RatioEstimate got = ratio_metric(Values{2, 4, 6}, Values{1, 2, 3});
  EXPECT_DOUBLE_EQ(got.ratio, 2);
  EXPECT_NEAR(got.std_error, 0, 1e-8);
}

// A denominator of 1 everywhere makes it a mean.
TEST(RatioMetric, IsAMeanWhenTheDenominatorIsOne) {
  const Values y{3, 1, 4, 1, 5};
  const RatioEstimate got = ratio_metric(y, Values(5, 1));
  EXPECT_DOUBLE_EQ(got.ratio, moments_of(y).mean());
  EXPECT_DOUBLE_EQ(got.std_error, moments_of(y).std_error().value());
  EXPECT_EQ(got.df, 4);
}

TEST(RatioMetric, IsTheSameFromMergedSums) {
  const Values y{3, 5, 2, 8, 6, 4};
  const Values x{10, 14, 7, 20, 18, 11};
  PairedMoments first, second;
  for (std::size_t i = 0; i < y.size(); ++i) (i < 2 ? first : second).add(y[i], x[i]);
  first.merge(second);
  EXPECT_NEAR(ratio_metric(first).std_error, 0.0171846588560844, 1e-14);
  EXPECT_NEAR(ratio_metric(y, x).std_error, 0.0171846588560844, 1e-14);
}

TEST(RatioMetric, RefusesWhatHasNoRatio) {
  expect_error(ErrorCode::kData, "NotEstimable", [] { ratio_metric(Values{1, 2}, Values{1, -1}); });
  expect_error(ErrorCode::kData, "TooFewObservations", [] { ratio_metric(Values{1}, Values{1}); });
  expect_error(ErrorCode::kData, "LengthMismatch", [] { ratio_metric(Values{1}, Values{1, 2}); });
  expect_error(ErrorCode::kData, "NonFiniteInput", [] {
    ratio_metric(Values{1, NAN}, Values{1, 2});
  });
}

// With a denominator of 1 it is Welch's test.
TEST(RatioMetricTest, IsWelchsTestWhenTheDenominatorIsOne) {
  const Values a{3, 1, 4, 1, 5};
  const Values b{6, 2, 9, 8};
  PairedMoments pairs_a, pairs_b;
  for (const double y : a) pairs_a.add(y, 1);
  for (const double y : b) pairs_b.add(y, 1);
  const TTest got = ratio_metric_test(pairs_a, pairs_b);
  const TTest want = welch_t_test(a, b);
  EXPECT_NEAR(got.statistic, want.statistic, 1e-13);
  EXPECT_NEAR(got.df, want.df, 1e-12);
  EXPECT_NEAR(got.p.value, want.p.value, 1e-14);
}

// Fieller's limits are the lifts at which mb - (1 + lift) ma is z standard errors from 0.
TEST(RelativeLift, HasFiellersLimits) {
  const ArmEstimate a{10, 1.5};
  const ArmEstimate b{12, 1};
  for (const double covariance : {0.0, 0.9, -1.2}) {
    const RelativeLift got = relative_lift(a, b, 0.9, covariance);
    for (const double limit : {got.fieller_interval->low, got.fieller_interval->high}) {
      const double r = 1 + limit;
      const double spread = 1 - 2 * r * covariance + r * r * 1.5 * 1.5;
      EXPECT_NEAR(std::abs(12 - r * 10) / std::sqrt(spread), 1.64485362695147, 1e-11) << covariance;
    }
  }
}

// Both arms negated: the same gap, measured against a baseline below 0.
TEST(RelativeLift, MeasuresAgainstTheSizeOfTheBaseline) {
  const RelativeLift up = relative_lift(ArmEstimate{10, 1}, ArmEstimate{12, 1});
  const RelativeLift down = relative_lift(ArmEstimate{-10, 1}, ArmEstimate{-12, 1});
  EXPECT_DOUBLE_EQ(down.lift, -up.lift);
  EXPECT_DOUBLE_EQ(down.std_error, up.std_error);
  EXPECT_NEAR(down.fieller_interval->low, -up.fieller_interval->high, 1e-15);
  EXPECT_NEAR(down.fieller_interval->high, -up.fieller_interval->low, 1e-15);
}

TEST(RelativeLift, HasNoFiellerIntervalForABaselineNearZero) {
  const RelativeLift got = relative_lift(ArmEstimate{1, 0.6}, ArmEstimate{2, 0.1});
  EXPECT_FALSE(got.fieller_interval);
  EXPECT_EQ(got.warnings, std::vector<std::string>{"baseline_near_zero"});
}

TEST(RelativeLift, RefusesWhatHasNoLift) {
  const auto call = [](ArmEstimate a, ArmEstimate b, double confidence, double covariance) {
    return [=] { relative_lift(a, b, confidence, covariance); };
  };
  expect_error(ErrorCode::kData, "NotEstimable", call({0, 1}, {1, 1}, 0.95, 0));
  expect_error(ErrorCode::kData, "NonFiniteInput", call({1, NAN}, {1, 1}, 0.95, 0));
  expect_error(ErrorCode::kUsage, "InvalidArgument", call({1, -1}, {1, 1}, 0.95, 0));
  expect_error(ErrorCode::kUsage, "InvalidArgument", call({1, 1}, {1, 1}, 0.95, 1.1));
  expect_error(ErrorCode::kUsage, "InvalidProbability", call({1, 1}, {1, 1}, 1, 0));
  expect_error(ErrorCode::kData, "TooFewObservations",
               [] { relative_lift(Moments(1, 1, 0), Moments(2, 1, 1)); });
}

}  // namespace
}  // namespace peira::stats
