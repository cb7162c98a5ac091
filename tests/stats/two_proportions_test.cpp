#include "stats/two_proportions.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "stats/random.h"
#include "tests/stats/errors.h"

namespace peira::stats {
namespace {

TEST(TwoProportions, WithoutVariationSayNothing) {
  const TwoProportions test = two_proportions_test({30, 30, 30, 30});
  EXPECT_EQ(test.pooled_p.value, 1);
  EXPECT_FALSE(test.z_pooled.has_value());
  EXPECT_EQ(test.warnings, std::vector<std::string>{"no_variation"});
}

TEST(TwoProportions, RefuseImpossibleCounts) {
  expect_error(ErrorCode::kData, "EmptyInput", [] { two_proportions_test({0, 0, 3, 4}); });
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] { two_proportions_test({5, 4, 3, 4}); });
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] { newcombe_interval({-1, 4, 3, 4}); });
  expect_error(ErrorCode::kUsage, "InvalidProbability", [] {
    miettinen_nurminen_interval({1, 4, 3, 4}, 1);
  });
}

// The limits are where the score test of that difference is exactly at its level.
TEST(MiettinenNurminen, InvertsItsScore) {
  for (const ProportionCounts& counts :
       {ProportionCounts{7, 20, 13, 20}, ProportionCounts{0, 30, 4, 30},
        ProportionCounts{500, 1000, 480, 900}, ProportionCounts{1, 2, 2, 3}}) {
    const Interval interval = miettinen_nurminen_interval(counts, 0.95);
    EXPECT_NEAR(difference_score(counts, interval.low), 1.959963984540054, 1e-7);
    EXPECT_NEAR(difference_score(counts, interval.high), -1.959963984540054, 1e-7);
  }
}

// At a difference of 0 the constrained shares are the pooled one: the score is the pooled z, less
// the correction sqrt((N - 1) / N).
TEST(DifferenceScore, OfNoDifferenceIsThePooledZ) {
  const ProportionCounts counts{142, 200, 165, 200};
  const double z = *two_proportions_test(counts).z_pooled;
  EXPECT_NEAR(difference_score(counts, 0, false), z, 1e-12);
  EXPECT_NEAR(difference_score(counts, 0), z * std::sqrt(399.0 / 400), 1e-12);
}

TEST(NonInferiorProportions, MirrorsWhenLowerIsBetter) {
  const NonInferiority higher = non_inferior_proportions({805, 1000, 800, 1000}, {.margin = 0.03});
  const NonInferiority lower =
      non_inferior_proportions({195, 1000, 200, 1000}, {.margin = 0.03, .better = Better::kLower});
  EXPECT_NEAR(higher.p_value, lower.p_value, 1e-12);
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] {
    non_inferior_proportions({1, 2, 1, 2}, {.margin = 0});
  });
}

// 95 % intervals over all outcomes of two arms of 15 with true shares 0.3 and 0.6: exact coverage.
TEST(ProportionIntervals, CoverWhatTheyPromise) {
  const int n = 15;
  const double pa = 0.3, pb = 0.6;
  double mn = 0, newcombe = 0;
  for (int xa = 0; xa <= n; ++xa) {
    for (int xb = 0; xb <= n; ++xb) {
      const double weight = binomial_probability(xa, n, pa) * binomial_probability(xb, n, pb);
      const ProportionCounts counts{xa, n, xb, n};
      const auto holds = [&](const Interval& i) { return i.low <= 0.3 && 0.3 <= i.high; };
      mn += holds(miettinen_nurminen_interval(counts)) ? weight : 0;
      newcombe += holds(newcombe_interval(counts)) ? weight : 0;
    }
  }
  EXPECT_GT(mn, 0.93);
  EXPECT_LT(mn, 0.98);
  EXPECT_GT(newcombe, 0.93);
  EXPECT_LT(newcombe, 0.98);
}

}  // namespace
}  // namespace peira::stats
