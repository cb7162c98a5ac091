#include "stats/cuped.h"

#include <cmath>
#include <string>
#include <vector>

#include "tests/stats/errors.h"

namespace peira::stats {
namespace {

using Values = std::vector<double>;

const Values kControl{12.1, 9.8, 14.3, 11.0, 10.2, 13.5, 8.9, 12.7};
const Values kControlBefore{11, 9.1, 13.2, 10.8, 9.9, 12.1, 8.2, 12};
const Values kTreatment{13.4, 12, 15.1, 10.9, 12.8, 14.9, 11.5, 13};
const Values kTreatmentBefore{11.4, 10.6, 13, 9.4, 11.2, 12.9, 10.1, 11.1};

// The slope of statsmodels OLS y ~ arm + x and Welch's test of y - theta x.
TEST(Cuped, TakesTheSlopeWithinArms) {
  const CupedResult got = cuped(kControl, kControlBefore, kTreatment, kTreatmentBefore);
  EXPECT_NEAR(got.theta, 1.14661344745288, 1e-13);
  EXPECT_NEAR(got.adjusted.std_error, 0.141469984095991, 1e-12);
  EXPECT_NEAR(got.variance_reduction, 0.972703251842623, 1e-12);
  EXPECT_NEAR(got.balance->p.value, welch_t_test(kControlBefore, kTreatmentBefore).p.value, 1e-14);
}

TEST(Cuped, IsTheSameFromMergedSums) {
  CupedArm a, b, rest;
  for (std::size_t i = 0; i < 8; ++i) {
    (i % 3 == 0 ? rest : a).add(kControl[i], kControlBefore[i]);
    b.add(kTreatment[i], kTreatmentBefore[i]);
  }
  a.merge(rest);
  const CupedResult got = cuped(a, b, {.slope = CupedSlope::kPooled, .test = {}});
  EXPECT_NEAR(got.theta, 1.19581993569132, 1e-13);
  EXPECT_NEAR(got.adjusted.p.value, 0.00016124649566495, 1e-14);
}

// Missing covariates count as the mean of the known ones: the same as writing it in.
TEST(Cuped, GivesUnitsWithoutACovariateTheMeanOne) {
  CupedArm a, b;
  for (std::size_t i = 0; i < 8; ++i) {
    a.add(kControl[i], kControlBefore[i]);
    b.add(kTreatment[i], kTreatmentBefore[i]);
  }
  double sum = 0;
  for (const double x : kControlBefore) sum += x;
  for (const double x : kTreatmentBefore) sum += x;
  CupedArm imputed = a;
  imputed.add(11.5, sum / 16);
  imputed.add(9.5, sum / 16);
  a.add_without_covariate(11.5);
  a.add_without_covariate(9.5);

  const CupedResult got = cuped(a, b);
  const CupedResult want = cuped(imputed, b);
  EXPECT_EQ(got.num_without_covariate, 2);
  EXPECT_NEAR(got.theta, want.theta, 1e-13);
  EXPECT_NEAR(got.adjusted_mean_a, want.adjusted_mean_a, 1e-13);
  EXPECT_NEAR(got.adjusted.std_error, want.adjusted.std_error, 1e-13);
  EXPECT_NEAR(got.raw.p.value, want.raw.p.value, 1e-14);
}

TEST(Cuped, LeavesOutcomesAloneWhenTheCovariateIsConstant) {
  const CupedResult got = cuped(kControl, Values(8, 3.1), kTreatment, Values(8, 3.1));
  EXPECT_EQ(got.theta, 0);
  EXPECT_EQ(got.variance_reduction, 0);
  EXPECT_EQ(got.adjusted.p.value, got.raw.p.value);
  EXPECT_EQ(got.balance->p.value, 1);
  EXPECT_EQ(got.warnings, std::vector<std::string>{"constant_covariate"});

  const CupedResult apart = cuped(kControl, Values(8, 3), kTreatment, Values(8, 4));
  EXPECT_FALSE(apart.balance);
  EXPECT_EQ(apart.theta, 0);
  EXPECT_EQ(apart.warnings,
            (std::vector<std::string>{"constant_covariate", "covariate_imbalance"}));
}

TEST(Cuped, RefusesTooFewUnits) {
  expect_error(ErrorCode::kData, "TooFewObservations",
               [] { cuped(Values{1}, Values{1}, kTreatment, kTreatmentBefore); });
  expect_error(ErrorCode::kData, "LengthMismatch",
               [] { cuped(kControl, Values{1}, kTreatment, kTreatmentBefore); });
  expect_error(ErrorCode::kData, "NonFiniteInput", [] {
    CupedArm arm;
    arm.add(1, NAN);
  });
}

}  // namespace
}  // namespace peira::stats
