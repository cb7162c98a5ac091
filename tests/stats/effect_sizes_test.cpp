#include "stats/effect_sizes.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "stats/distributions.h"
#include "stats/random.h"
#include "tests/stats/errors.h"

namespace peira::stats {
namespace {

TEST(StandardizedDifference, IsUndefinedWithoutSpread) {
  const Moments a = moments_of(std::vector<double>{2, 2, 2});
  const Moments b = moments_of(std::vector<double>{3, 3, 3});
  expect_error(ErrorCode::kData, "ZeroVariance", [&] { standardized_difference(a, b); });
  expect_error(ErrorCode::kData, "TooFewObservations", [&] {
    standardized_difference(moments_of(std::vector<double>{1}),
                            moments_of(std::vector<double>{1, 2}));
  });
}

// Gamma ratios by mpmath 1.3 with 40 digits: gamma(m/2) / (sqrt(m/2) gamma((m-1)/2)).
TEST(HedgesCorrection, IsExactForFewAndForMany) {
  EXPECT_NEAR(hedges_correction(2), 0.56418958354775629, 1e-15);  // 1 / sqrt(pi)
  EXPECT_NEAR(hedges_correction(20), 0.96194453374074857, 1e-14);
  EXPECT_NEAR(1 - hedges_correction(1e9), 7.5e-10, 1e-15);  // 3 / (4 m) to this order
}

TEST(NoncentralityInterval, PutsTheTailsWhereTheyBelong) {
  for (const double t : {-3.0, 0.0, 0.4, 12.0, 60.0}) {
    for (const double df : {3.0, 40.0, 5000.0}) {
      const Interval interval = noncentrality_interval(t, df, 0.9);
      EXPECT_NEAR(noncentral_t_cdf(t, df, interval.low), 0.95, 1e-9) << t << " " << df;
      EXPECT_NEAR(noncentral_t_cdf(t, df, interval.high), 0.05, 1e-9) << t << " " << df;
    }
  }
}

// Swapping the arms turns every sign.
TEST(StandardizedDifference, IsOddInItsArms) {
  const Moments a = moments_of(std::vector<double>{1, 4, 2, 8});
  const Moments b = moments_of(std::vector<double>{5, 7, 9, 6, 2});
  const StandardizedDifference one = standardized_difference(a, b);
  const StandardizedDifference other = standardized_difference(b, a);
  EXPECT_DOUBLE_EQ(one.hedges_g, -other.hedges_g);
  EXPECT_NEAR(one.g_interval.low, -other.g_interval.high, 1e-10);
}

TEST(PairedEffect, AsksForSpreadAndPairs) {
  PairedMoments equal;
  for (const double x : {1.0, 2.0, 5.0}) equal.add(x, x + 0.1);
  expect_error(ErrorCode::kData, "ZeroVariance", [&] { paired_effect(equal); });
  PairedMoments two;
  two.add(1, 2);
  two.add(2, 5);
  expect_error(ErrorCode::kData, "TooFewObservations", [&] { paired_effect(two); });
}

// By the definition, over all pairs of values.
TEST(CliffsDelta, EqualsItsDefinition) {
  Random random(4);
  std::vector<double> a, b;
  for (int i = 0; i < 23; ++i) a.push_back(static_cast<double>(random.below(8)));
  for (int i = 0; i < 31; ++i) b.push_back(static_cast<double>(random.below(9)));
  const auto dominance = [](double x, double y) { return x > y ? 1.0 : x < y ? -1.0 : 0.0; };
  const double na = 23, nb = 31;
  double d = 0;
  for (const double x : b) {
    for (const double y : a) d += dominance(x, y) / (na * nb);
  }
  double rows = 0, columns = 0, all = 0;
  for (const double x : b) {
    double row = 0;
    for (const double y : a) {
      row += dominance(x, y) / na;
      all += std::pow(dominance(x, y) - d, 2);
    }
    rows += std::pow(row - d, 2);
  }
  for (const double y : a) {
    double column = 0;
    for (const double x : b) column += dominance(x, y) / nb;
    columns += std::pow(column - d, 2);
  }
  const CliffsDelta got = cliffs_delta(a, b);
  EXPECT_NEAR(got.delta, d, 1e-14);
  EXPECT_NEAR(got.variance,
              (na * na * rows + nb * nb * columns - all) / (na * nb * (na - 1) * (nb - 1)), 1e-14);
}

TEST(CliffsDelta, OfSeparatedArmsIsOne) {
  const CliffsDelta got = cliffs_delta(std::vector<double>{1, 2}, std::vector<double>{3, 4, 5});
  EXPECT_EQ(got.delta, 1);
  EXPECT_EQ(got.interval.low, 1);
  EXPECT_EQ(got.warnings, std::vector<std::string>{"complete_separation"});
}

// 95 % intervals of g hold the true effect in 95 % of 2,000 experiments, within 4 standard errors.
TEST(StandardizedDifference, CoversTheTrueEffect) {
  Random random(12);
  const auto normal = [&random] {
    return std::sqrt(-2 * std::log(1 - random.uniform())) *
           std::cos(2 * 3.14159265358979323846 * random.uniform());
  };
  int held = 0;
  constexpr int kRuns = 2000;
  for (int run = 0; run < kRuns; ++run) {
    Moments a, b;
    for (int i = 0; i < 12; ++i) a.add(normal());
    for (int i = 0; i < 17; ++i) b.add(normal() + 0.6);
    const Interval interval = standardized_difference(a, b).d_interval;
    held += interval.low < 0.6 && 0.6 < interval.high ? 1 : 0;
  }
  EXPECT_NEAR(held / double{kRuns}, 0.95, 4 * std::sqrt(0.95 * 0.05 / kRuns));
}

}  // namespace
}  // namespace peira::stats
