#include "stats/quantiles.h"

#include <cmath>
#include <vector>

#include "stats/random.h"
#include "tests/stats/errors.h"

namespace peira::stats {
namespace {

using Values = std::vector<double>;

// numpy 2 quantile, tests/golden/stats/anova_references.py.
TEST(Quantile, InterpolatesAsNumpy) {
  EXPECT_NEAR(quantile(Values{3.1, -2, 8.8, 4.5, 0.2, 7}, 0.37), 2.665, 1e-13);
  EXPECT_EQ(quantile(Values{3, 1, 2}, 0), 1);
  EXPECT_EQ(quantile(Values{3, 1, 2}, 1), 3);
  EXPECT_EQ(quantile(Values{7}, 0.3), 7);
}

TEST(Quantile, RefusesWhatHasNone) {
  expect_error(ErrorCode::kData, "EmptyInput", [] { quantile(Values{}, 0.5); });
  expect_error(ErrorCode::kData, "NonFiniteInput", [] { quantile(Values{1, NAN}, 0.5); });
  expect_error(ErrorCode::kUsage, "InvalidProbability", [] { quantile(Values{1}, 1.5); });
  expect_error(ErrorCode::kUsage, "InvalidProbability", [] { quantile_interval(Values{1}, 0); });
  expect_error(ErrorCode::kUsage, "InvalidProbability",
               [] { quantile_interval(Values{1}, 0.5, 1); });
}

// Of three values no order statistic bounds the median at 95 %: 2 * (1/2)^3 remains outside.
TEST(QuantileInterval, IsUnboundedForTooFewValues) {
  const QuantileInterval got = quantile_interval(Values{3, 1, 2}, 0.5);
  EXPECT_EQ(got.low_rank, 0);
  EXPECT_EQ(got.high_rank, 4);
  EXPECT_EQ(got.low, -HUGE_VAL);
  EXPECT_EQ(got.high, HUGE_VAL);
  EXPECT_EQ(got.coverage, 1);
}

// 2,000 samples of 60 uniform values: the 0.9-quantile is held as often as the exact coverage says,
// within 4 standard errors.
TEST(QuantileInterval, CoversAsOftenAsItSays) {
  Random random(5);
  constexpr int kStudies = 2000;
  int held = 0;
  double coverage = 0;
  for (int study = 0; study < kStudies; ++study) {
    Values values;
    for (int i = 0; i < 60; ++i) values.push_back(random.uniform());
    const QuantileInterval got = quantile_interval(values, 0.9, 0.9);
    held += got.low <= 0.9 && 0.9 <= got.high;
    coverage = got.coverage;
  }
  EXPECT_GE(coverage, 0.9);
  EXPECT_NEAR(held / static_cast<double>(kStudies), coverage,
              4 * std::sqrt(coverage * (1 - coverage) / kStudies));
}

TEST(CapAtQuantile, CutsTheTail) {
  EXPECT_EQ(cap_at_quantile(Values{1, 50, 3}, Values{0, 5, 10}, 0.5), (Values{1, 5, 3}));
}

}  // namespace
}  // namespace peira::stats
