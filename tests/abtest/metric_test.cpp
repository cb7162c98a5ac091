#include "abtest/metric.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace peira::abtest {
namespace {

TEST(Metric, NamesReadBackAndOthersAreListed) {
  EXPECT_EQ(metric_type(to_string(MetricType::kRatio)), MetricType::kRatio);
  EXPECT_EQ(metric_role(to_string(MetricRole::kGuardrail)), MetricRole::kGuardrail);
  EXPECT_EQ(better(to_string(stats::Better::kLower)), stats::Better::kLower);
  try {
    metric_type("average");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    EXPECT_THAT(error.what(), testing::HasSubstr("mean, proportion, count, ratio, quantile"));
  }
}

TEST(Metric, GuardrailNeedsAMargin) {
  Metric metric{.name = "latency", .role = MetricRole::kGuardrail};
  EXPECT_THROW(check_metric(metric), Error);
  metric.margin = 0.1;
  check_metric(metric);
  metric.quantile = 1;
  EXPECT_THROW(check_metric(metric), Error);
}

TEST(ArmData, RefusesWhatItsTypeCannotHold) {
  ArmData share(MetricType::kProportion);
  share.add(1);
  EXPECT_THROW(share.add(0.5), Error);
  EXPECT_THROW(share.add(0.5, 1), Error);
  ArmData count(MetricType::kCount);
  EXPECT_THROW(count.add(-1), Error);
  EXPECT_EQ(share.num_units(), 1);
  EXPECT_EQ(count.num_units(), 0);
}

TEST(ArmData, OfSumsMustBeThoseOfItsType) {
  stats::CupedArm sums;
  sums.unknown = stats::Moments(10, 0.3, 2.1);  // 10 * 0.3 * 0.7
  EXPECT_EQ(ArmData::from_values(MetricType::kProportion, sums).num_units(), 10);
  sums.unknown = stats::Moments(10, 0.3, 5);
  EXPECT_THROW(ArmData::from_values(MetricType::kProportion, sums), Error);
  EXPECT_EQ(ArmData::from_values(MetricType::kMean, sums).num_units(), 10);
}

TEST(ArmData, MergesToTheWhole) {
  ArmData left(MetricType::kMean), right(MetricType::kMean), whole(MetricType::kMean);
  for (int i = 0; i < 10; ++i) {
    ArmData& part = i < 4 ? left : right;
    part.add(i * i, i);
    whole.add(i * i, i);
  }
  left.merge(right);
  EXPECT_DOUBLE_EQ(left.outcomes().mean(), whole.outcomes().mean());
  EXPECT_DOUBLE_EQ(*left.values().known.covariance(), *whole.values().known.covariance());
}

TEST(ArmData, EstimatesByType) {
  ArmData ratio(MetricType::kRatio);
  ratio.add_ratio(3, 10);
  ratio.add_ratio(5, 10);
  EXPECT_DOUBLE_EQ(*ratio.estimate(), 0.4);
  EXPECT_FALSE(ratio.std_dev().has_value());
  ArmData latency(MetricType::kQuantile);
  for (const double value : {4.0, 1.0, 3.0, 2.0}) latency.add(value);
  EXPECT_DOUBLE_EQ(*latency.estimate(0.5), 2.5);
  EXPECT_FALSE(ArmData(MetricType::kMean).estimate().has_value());
}

}  // namespace
}  // namespace peira::abtest
