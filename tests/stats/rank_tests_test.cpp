// Figures of R 4.2.2: tests/golden/stats/rank_references.R.
#include "stats/rank_tests.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "stats/random.h"
#include "stats/ranks.h"
#include "tests/stats/errors.h"

namespace peira::stats {
namespace {

const std::vector<double> kBefore{1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30};
const std::vector<double> kAfter{0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29};
const std::vector<double> kTerm{0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46};
const std::vector<double> kEarly{1.15, 0.88, 0.90, 0.74, 1.21};

std::vector<double> sixty_differences() {
  std::vector<double> values;
  for (int i = 1; i <= 60; ++i) values.push_back((i * 37) % 101 / 10.0 - 3.97);
  return values;
}

TEST(MidRanks, ShareTheMeanOfTies) {
  const Ranks got = mid_ranks(std::vector<double>{3, 1, 3, 2, 3});
  EXPECT_EQ(got.ranks, (std::vector<double>{4, 1, 4, 2, 4}));
  EXPECT_EQ(got.tie_sum, 24);  // 3^3 - 3
}

TEST(Snap, MakesDecimalDifferencesEqual) {
  const auto snapped =
      snap(std::vector<double>{0.68 - 0.62, 0.63 - 0.57, 0.63 - 0.55, -(0.5 - 0.44)});
  EXPECT_EQ(snapped[0], snapped[1]);
  EXPECT_LT(snapped[0], snapped[2]);
  EXPECT_EQ(snapped[0], -snapped[3]);
}

TEST(Snap, KeepsApartWhatDiffersAndTakesAnyMagnitude) {
  const auto large = snap(std::vector<double>{1e300, 1e300 * (1 - 1e-9), -1e308});
  EXPECT_NE(large[0], large[2]);
  const auto close = snap(std::vector<double>{1, 1 - 1e-9});
  EXPECT_NE(close[0], close[1]);
  EXPECT_EQ(snap(std::vector<double>{5e-324, 0})[0], 5e-324);
  // Differences of numbers near 1e6 carry their rounding.
  const double a = 1e6 + 0.1 - 1e6;
  const double b = 1e6 + 0.3 - (1e6 + 0.2);
  ASSERT_NE(a, b);
  const auto coarse = snap(std::vector<double>{a, b}, 1e6);
  EXPECT_EQ(coarse[0], coarse[1]);
}

TEST(SignedRankTest, AgreesWithR) {
  const auto p = [](Alternative side) {
    return signed_rank_test(kAfter, kBefore, ZeroMethod::kWilcox, side).p.value;
  };
  EXPECT_NEAR(p(Alternative::kTwoSided), 0.0390625, 1e-15);
  EXPECT_NEAR(p(Alternative::kGreater), 0.01953125, 1e-15);
  EXPECT_NEAR(p(Alternative::kLess), 0.986328125, 1e-15);

  const auto large = sixty_differences();
  const SignedRankTest test = signed_rank_test(large);
  EXPECT_EQ(test.w_plus, 1276);
  EXPECT_FALSE(test.exact_p);
  EXPECT_EQ(test.method, "asymptotic");
  EXPECT_NEAR(test.p.value, 0.00795773347865071, 1e-13);
  EXPECT_NEAR(test.asymptotic_p.value, 0.00787135563652465, 1e-13);
  EXPECT_NEAR(signed_rank_test(large, ZeroMethod::kWilcox, Alternative::kLess).p.value,
              0.996107090694305, 1e-12);
}

// scipy.stats.wilcoxon 1.17.1, method="asymptotic", correction=False.
TEST(SignedRankTest, SplitsZerosAsScipyDoes) {
  const std::vector<double> d{0, 0, 6, -1, 8, 4, 8, 5, -1, 8, 6, 2, 8, -1};
  const SignedRankTest greater = signed_rank_test(d, ZeroMethod::kZsplit, Alternative::kGreater);
  EXPECT_EQ(greater.w_plus, 91.5);
  EXPECT_EQ(greater.w_minus, 13.5);
  EXPECT_NEAR(greater.z, 2.4579886174866923, 1e-13);
  EXPECT_NEAR(greater.asymptotic_p.value, 0.006985880117832297, 1e-14);
  EXPECT_NEAR(signed_rank_test(d, ZeroMethod::kPratt, Alternative::kGreater).asymptotic_p.value,
              0.006879411598298864, 1e-14);
}

// Every sign pattern tried by hand, zeros ranked below.
TEST(SignedRankTest, IsExactWithManyZeros) {
  std::vector<double> d(3000, 0);
  d[5] = 1;
  d[70] = -2;
  d[800] = 3;
  d[2000] = 3;
  // Doubled ranks 2 * (2996 + {1, 2, 3.5, 3.5}); W+ holds all but the second: of 16 patterns those
  // at least as far from the middle have one rank on one side that is no larger: 2, 1 and 0.
  const SignedRankTest test = signed_rank_test(d, ZeroMethod::kPratt);
  EXPECT_NEAR(test.p.value, (2 + 2 + 2) / 16.0, 1e-15);
  EXPECT_NEAR(signed_rank_test(d, ZeroMethod::kPratt, Alternative::kGreater).p.value, 3 / 16.0,
              1e-15);
}

TEST(SignedRankTest, SaysWhenNothingDiffers) {
  const SignedRankTest test = signed_rank_test(std::vector<double>{0, 0, 0});
  EXPECT_EQ(test.p.value, 1);
  EXPECT_EQ(test.warnings, std::vector<std::string>{"no_nonzero_differences"});
  EXPECT_FALSE(test.rank_biserial);
  EXPECT_FALSE(paired_shift(std::vector<double>{0, 0, 0}));
  expect_error(ErrorCode::kData, "EmptyInput", [] { signed_rank_test(std::vector<double>{}); });
  expect_error(ErrorCode::kData, "NonFiniteInput", [] {
    signed_rank_test(std::vector<double>{1, NAN});
  });
  expect_error(ErrorCode::kData, "LengthMismatch", [] {
    signed_rank_test(std::vector<double>{1, 2}, std::vector<double>{1});
  });
}

TEST(PairedShift, AgreesWithR) {
  std::vector<double> d;
  for (std::size_t i = 0; i < kBefore.size(); ++i) d.push_back(kBefore[i] - kAfter[i]);
  const Shift two_sided = paired_shift(d).value();
  EXPECT_NEAR(two_sided.estimate, 0.46, 1e-12);
  EXPECT_NEAR(two_sided.interval.low, 0.01, 1e-12);
  EXPECT_NEAR(two_sided.interval.high, 0.786, 1e-12);
  const Shift greater = paired_shift(d, {.alternative = Alternative::kGreater}).value();
  EXPECT_NEAR(greater.interval.low, 0.175, 1e-12);
  EXPECT_EQ(greater.interval.high, HUGE_VAL);
  EXPECT_NEAR(paired_shift(d, {.alternative = Alternative::kLess})->interval.high, 0.726, 1e-12);
  EXPECT_NEAR(paired_shift(sixty_differences())->estimate, 1.13, 1e-12);
}

TEST(MannWhitneyTest, AgreesWithR) {
  const auto p = [](Alternative side) { return mann_whitney_test(kTerm, kEarly, side); };
  EXPECT_EQ(p(Alternative::kTwoSided).u_b, 15);
  EXPECT_NEAR(p(Alternative::kTwoSided).p.value, 0.254412254412254, 1e-14);
  EXPECT_NEAR(p(Alternative::kGreater).p.value, 0.896769896769897, 1e-14);
  EXPECT_NEAR(p(Alternative::kLess).p.value, 0.127206127206127, 1e-14);

  std::vector<double> x, y;
  for (int i = 1; i <= 60; ++i) x.push_back((i * 37) % 101);
  for (int i = 1; i <= 70; ++i) y.push_back((i * 53) % 97 + 12);
  const MannWhitneyTest large = mann_whitney_test(x, y);
  EXPECT_EQ(large.u_b, 2413);
  EXPECT_FALSE(large.exact_p);
  EXPECT_NEAR(large.p.value, 0.144427562642208, 1e-12);
  EXPECT_NEAR(large.asymptotic_p.value, 0.143786397620624, 1e-12);
  EXPECT_EQ(independent_shift(x, y).estimate, 8);
}

TEST(MannWhitneyTest, SaysWhenAllIsTied) {
  const MannWhitneyTest test = mann_whitney_test(std::vector<double>{2, 2}, std::vector<double>{2});
  EXPECT_EQ(test.p.value, 1);
  EXPECT_EQ(test.u_b, 1);
  EXPECT_EQ(test.warnings, std::vector<std::string>{"all_tied"});
  expect_error(ErrorCode::kData, "EmptyInput",
               [] { mann_whitney_test(std::vector<double>{}, std::vector<double>{1}); });
}

TEST(IndependentShift, AgreesWithR) {
  const auto shift = [](Alternative side) {
    return independent_shift(kTerm, kEarly, {.alternative = side, .confidence = 0.9});
  };
  EXPECT_NEAR(shift(Alternative::kTwoSided).estimate, -0.305, 1e-12);
  EXPECT_NEAR(shift(Alternative::kTwoSided).interval.low, -0.72, 1e-12);
  EXPECT_NEAR(shift(Alternative::kTwoSided).interval.high, 0.08, 1e-12);
  EXPECT_NEAR(shift(Alternative::kGreater).interval.low, -0.7, 1e-12);
  EXPECT_NEAR(shift(Alternative::kLess).interval.high, 0.05, 1e-12);
}

TEST(Shifts, SelectWhatSortingWould) {
  Random random(11);
  for (int round = 0; round < 50; ++round) {
    std::vector<double> a(1 + random.below(12)), b(1 + random.below(12));
    for (double& value : a) value = static_cast<double>(random.below(9)) - 4 + random.uniform();
    for (double& value : b) value = static_cast<double>(random.below(9)) - 4;
    std::sort(a.begin(), a.end());
    std::sort(b.begin(), b.end());
    std::vector<double> averages, differences;
    for (std::size_t i = 0; i < a.size(); ++i) {
      for (std::size_t j = i; j < a.size(); ++j) averages.push_back(a[i] / 2 + a[j] / 2);
      for (const double value : b) differences.push_back(value - a[i]);
    }
    std::sort(averages.begin(), averages.end());
    std::sort(differences.begin(), differences.end());
    for (std::size_t k = 0; k < averages.size(); ++k) {
      EXPECT_EQ(walsh_average(a, static_cast<std::int64_t>(k + 1)), averages[k]);
    }
    for (std::size_t k = 0; k < differences.size(); ++k) {
      EXPECT_EQ(sorted_difference(a, b, static_cast<std::int64_t>(k + 1)), differences[k]);
    }
  }
}

}  // namespace
}  // namespace peira::stats
