#include "stats/equivalence.h"

#include <cmath>
#include <string>
#include <vector>

#include "tests/stats/errors.h"

namespace peira::stats {
namespace {

using Values = std::vector<double>;

const Values kA{0.62, 0.71, 0.55, 0.8, 0.47, 0.66, 0.73, 0.58, 0.69, 0.77, 0.52, 0.64};
const Values kB{0.6, 0.72, 0.57, 0.78, 0.49, 0.65, 0.7, 0.6, 0.7, 0.75, 0.53, 0.62};

Values differences() {
  Values out;
  for (std::size_t i = 0; i < kA.size(); ++i) out.push_back(kB[i] - kA[i]);
  return out;
}

// statsmodels ttost_paired(b, a, -0.05, 0.05).
TEST(EquivalenceTest, AgreesWithStatsmodelsForPairs) {
  const Equivalence got = equivalence_paired(differences(), {-0.05, 0.05});
  EXPECT_NEAR(*got.statistic_low, 8.60196424195519, 1e-11);
  EXPECT_NEAR(got.p_low, 1.62791310844021e-06, 1e-16);
  EXPECT_NEAR(got.p_high, 6.10888030123712e-07, 1e-16);
  EXPECT_EQ(got.p, got.p_low);
  EXPECT_TRUE(got.equivalent);
}

// The interval of confidence 1 - 2 alpha lies inside the bounds if and only if p < alpha.
TEST(EquivalenceTest, SaysWhatItsIntervalSays) {
  for (const double high : {0.0073, 0.0074, 0.0075, 0.05}) {
    const Equivalence got = equivalence_paired(differences(), {-0.05, high});
    EXPECT_EQ(got.equivalent, got.interval.low > -0.05 && got.interval.high < high) << high;
  }
  EXPECT_FALSE(equivalence_paired(differences(), {-0.05, 0.0074}).equivalent);
  EXPECT_TRUE(equivalence_paired(differences(), {-0.05, 0.0075}).equivalent);
}

// statsmodels ttost_ind(b, a, -0.05, 0.05, usevar="unequal").
TEST(EquivalenceTest, AgreesWithStatsmodelsForIndependentSamples) {
  const Equivalence got = equivalence_welch(moments_of(kA), moments_of(kB), {-0.05, 0.05});
  EXPECT_NEAR(got.p, 0.118820557696373, 1e-13);
  EXPECT_NEAR(got.df.value(), 21.6658985158763, 1e-11);
  EXPECT_FALSE(got.equivalent);
}

TEST(EquivalenceTest, IsCertainWhereNothingVaries) {
  const Equivalence inside = equivalence_paired(Values{0.01, 0.01, 0.01}, {-0.05, 0.05});
  EXPECT_EQ(inside.p, 0);
  EXPECT_TRUE(inside.equivalent);
  EXPECT_EQ(inside.warnings, std::vector<std::string>{"zero_variance"});
  const Equivalence outside = equivalence_welch(Moments(3, 1, 0), Moments(3, 2, 0), {-0.05, 0.05});
  EXPECT_EQ(outside.p, 1);
  EXPECT_FALSE(outside.equivalent);
}

TEST(EquivalenceTest, RefusesBadBounds) {
  const auto call = [](EquivalenceBounds bounds, double alpha) {
    return [=] { equivalence_test(0.1, 0.2, 5, bounds, alpha); };
  };
  expect_error(ErrorCode::kUsage, "InvalidArgument", call({0.05, 0.05}, 0.05));
  expect_error(ErrorCode::kUsage, "InvalidArgument", call({-HUGE_VAL, 0.05}, 0.05));
  expect_error(ErrorCode::kUsage, "InvalidProbability", call({-1, 1}, 0.5));
  expect_error(ErrorCode::kData, "TooFewObservations", [] {
    equivalence_paired(Values{1}, {-1, 1});
  });
  expect_error(ErrorCode::kData, "NonFiniteInput", [] { equivalence_test(NAN, 1, 5, {-1, 1}); });
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] { equivalence_test(0, -1, 5, {-1, 1}); });
}

// By hand: (0.02 + 0.05) / 0.03 on 40 degrees of freedom; R pt(7/3, 40, lower.tail = FALSE).
TEST(NonInferiority, TestsAgainstTheMargin) {
  const NonInferiority got = non_inferiority(0.02, 0.03, 40, {.margin = 0.05});
  EXPECT_NEAR(*got.statistic, 7.0 / 3, 1e-14);
  EXPECT_NEAR(got.p_value, 0.0123719463895459, 1e-14);
  EXPECT_TRUE(got.non_inferior);
}

TEST(NonInferiority, NegatesWhereLowerIsBetter) {
  const NonInferiority higher = non_inferiority(-0.01, 0.02, {}, {.margin = 0.05});
  const NonInferiority lower =
      non_inferiority(0.01, 0.02, {}, {.margin = 0.05, .better = Better::kLower});
  EXPECT_EQ(higher.p_value, lower.p_value);
  EXPECT_EQ(lower.difference, 0.01);
  EXPECT_NEAR(higher.p_value, normal_upper_tail(2), 1e-16);
}

TEST(NonInferiority, IsCertainWhereNothingVaries) {
  const NonInferiority good = non_inferiority(-0.01, 0, 9, {.margin = 0.05});
  EXPECT_EQ(good.p_value, 0);
  EXPECT_FALSE(good.statistic);
  EXPECT_EQ(good.warnings, std::vector<std::string>{"zero_variance"});
  EXPECT_EQ(non_inferiority(-0.05, 0, 9, {.margin = 0.05}).p_value, 1);
}

TEST(NonInferiority, RefusesAMarginThatIsNone) {
  expect_error(ErrorCode::kUsage, "InvalidArgument",
               [] { non_inferiority(0, 1, 9, {.margin = 0}); });
  expect_error(ErrorCode::kUsage, "InvalidArgument",
               [] { non_inferiority(0, 1, 9, {.margin = -1}); });
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] { absolute_margin(0.02, 0); });
  EXPECT_DOUBLE_EQ(absolute_margin(0.02, -0.5), 0.01);
}

// Counting wrong answers, of which fewer are better, asks the same question.
TEST(NonInferiority, OfPairsTakesEitherWay) {
  const PairedCounts rights{700, 60, 40, 200};
  const PairedCounts wrongs{200, 40, 60, 700};
  const NonInferiority higher = non_inferior_pairs(rights, {.margin = 0.05});
  const NonInferiority lower =
      non_inferior_pairs(wrongs, {.margin = 0.05, .better = Better::kLower});
  EXPECT_NEAR(*higher.statistic, 2.86499933882904, 1e-12);
  EXPECT_EQ(higher.p_value, lower.p_value);
  EXPECT_EQ(higher.difference, -0.02);
  EXPECT_EQ(lower.difference, 0.02);
}

// No pair differs: the score of -M is N M / sqrt(N M (1 - M)).
TEST(NonInferiority, OfPairsThatAllAgreeIsCertainOnlyByTheirNumber) {
  const NonInferiority got = non_inferior_pairs({50, 0, 0, 50}, {.margin = 0.1});
  EXPECT_NEAR(*got.statistic, 10 / std::sqrt(9.0), 1e-12);
  EXPECT_EQ(got.difference, 0);
}

TEST(NonInferiority, OfPairsRefusesBadCounts) {
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] {
    non_inferior_pairs({1, 1, 1, 1}, {.margin = 1});
  });
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] {
    non_inferior_pairs({1, -1, 1, 1}, {.margin = 0.1});
  });
  expect_error(ErrorCode::kData, "EmptyInput", [] {
    non_inferior_pairs({0, 0, 0, 0}, {.margin = 0.1});
  });
}

}  // namespace
}  // namespace peira::stats
