#include "abtest/self_check.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace peira::abtest {
namespace {

TEST(SelfCheck, OfSoundDataPasses) {
  const GeneratedUnits data = generated_units(400, 3);
  const SelfCheck got = self_check(data.units, data.metrics, {.num_splits = 300});
  EXPECT_TRUE(got.passed);
  ASSERT_EQ(got.metrics.size(), 5U);
  for (const MetricSelfCheck& metric : got.metrics) {
    EXPECT_EQ(metric.num_tests, 300) << metric.metric;
    EXPECT_TRUE(metric.passed) << metric.metric << " " << metric.rate_p;
  }
}

// Every unit counted forty times under names of its own, as when requests are taken for users but
// split by user: the tests believe in forty times the data there are.
TEST(SelfCheck, FindsUnitsThatAreNotIndependent) {
  const GeneratedUnits data = generated_units(50, 3);
  std::vector<MeasuredUnit> copies;
  for (int copy = 0; copy < 40; ++copy) {
    copies.insert(copies.end(), data.units.begin(), data.units.end());
  }
  const SelfCheck got = self_check(copies, data.metrics, {.num_splits = 200});
  EXPECT_FALSE(got.passed);
  EXPECT_GT(got.metrics[0].rejection_rate, 0.3);
  EXPECT_LT(got.metrics[0].uniformity.p_value, 1e-6);
  EXPECT_GT(got.ratio_alarms, 20);
}

TEST(SelfCheck, IsTheSameForTheSameSeed) {
  const GeneratedUnits data = generated_units(100, 5);
  const SelfCheck one = self_check(data.units, data.metrics, {.num_splits = 40, .seed = 2});
  const SelfCheck two = self_check(data.units, data.metrics, {.num_splits = 40, .seed = 2});
  for (std::size_t m = 0; m < one.metrics.size(); ++m) {
    EXPECT_EQ(one.metrics[m].uniformity.p_value, two.metrics[m].uniformity.p_value);
  }
}

TEST(SelfCheck, NeedsUnits) {
  const GeneratedUnits data = generated_units(10, 5);
  EXPECT_THROW(self_check(data.units, data.metrics), Error);
}

}  // namespace
}  // namespace peira::abtest
