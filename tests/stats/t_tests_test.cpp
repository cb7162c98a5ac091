#include "stats/t_tests.h"

#include <cmath>
#include <vector>

#include "stats/errors.h"
#include "stats/paired_tests.h"
#include "stats/random.h"
#include "tests/stats/errors.h"

namespace peira::stats {
namespace {

const std::vector<double> kScores{0.62, 0.71, 0.55, 0.80, 0.47, 0.66,
                                  0.73, 0.58, 0.69, 0.77, 0.52, 0.64};

// SciPy 1.17.1 ttest_1samp(x, 0.6).
TEST(OneSampleTTest, AgreesWithScipy) {
  const TTest test = one_sample_t_test(kScores, 0.6);
  EXPECT_NEAR(test.statistic, 1.53462245496902, 1e-12);
  EXPECT_NEAR(test.p.value, 0.153122712987478, 1e-13);
  EXPECT_NEAR(0.6 + test.interval.low, 0.580460131002629, 1e-13);
  EXPECT_NEAR(0.6 + test.interval.high, 0.70953986899737, 1e-13);

  const TTest less = one_sample_t_test(kScores, 0.6, {.alternative = Alternative::kLess});
  EXPECT_NEAR(less.p.value, 0.923438643506261, 1e-13);
  EXPECT_EQ(less.interval.low, -HUGE_VAL);
  EXPECT_NEAR(0.6 + less.interval.high, 0.697661041535009, 1e-13);
}

// SciPy 1.17.1 ttest_ind([5.9], [3.1, 4.7, 2.2]).
TEST(StudentTTest, TakesASingleValueInOneArm) {
  const TTest test = student_t_test(std::vector<double>{3.1, 4.7, 2.2}, std::vector<double>{5.9});
  EXPECT_NEAR(test.statistic, 1.75544889746208, 1e-12);
  EXPECT_NEAR(test.p.value, 0.221268185950946, 1e-13);
}

TEST(WelchTTest, NegatesWhenArmsSwap) {
  const std::vector<double> a{1, 2, 3, 7};
  const std::vector<double> b{2, 4, 4, 5, 9};
  const TTest forth = welch_t_test(a, b);
  const TTest back = welch_t_test(b, a);
  EXPECT_EQ(forth.estimate, -back.estimate);
  EXPECT_EQ(forth.p.value, back.p.value);
  EXPECT_EQ(forth.interval.low, -back.interval.high);
}

TEST(TTests, SayWhenNothingVaries) {
  const std::vector<double> constant(50, 0.04);
  const TTest test = welch_t_test(constant, constant);
  EXPECT_EQ(test.p.value, 1);
  EXPECT_EQ(test.warnings, std::vector<std::string>{"constant_data"});
  expect_error(ErrorCode::kData, "ZeroVariance",
               [&] { welch_t_test(constant, std::vector<double>(50, 0.05)); });
  expect_error(ErrorCode::kData, "ZeroVariance", [&] { one_sample_t_test(constant, 0.1); });
}

// Differences of decimals near 100 vary by rounding only.
TEST(PairedTTest, TakesRoundingForNoSpread) {
  const std::vector<double> a{100.1, 100.2, 100.3, 100.7};
  std::vector<double> b = a;
  for (double& value : b) value += 0.1;
  try {
    paired_t_test_of(a, b);
    ADD_FAILURE() << "no ZeroVariance";
  } catch (const StatsError& error) {
    EXPECT_NEAR(error.estimate().value(), 0.1, 1e-12);
  }
  EXPECT_EQ(paired_t_test_of(a, a).warnings, std::vector<std::string>{"all_differences_zero"});
}

// A spread that is small but real is no rounding, however many values shrink its standard error.
TEST(TTests, KeepSmallSpreadOfManyValues) {
  const Moments many(1'000'000'000, 1, 1e9 * 1e-24);  // standard deviation 1e-12
  EXPECT_GT(one_sample_t_test(many, 1 - 1e-12).statistic, 1e4);
}

TEST(TTests, KeepTheEstimateInErrors) {
  const std::vector<double> constant(50, 0.04), higher(50, 0.06), one{3};
  try {
    welch_t_test(constant, higher);
    ADD_FAILURE() << "no ZeroVariance";
  } catch (const StatsError& error) {
    EXPECT_NEAR(error.estimate().value(), 0.02, 1e-15);
  }
  try {
    welch_t_test(one, higher);
    ADD_FAILURE() << "no TooFewObservations";
  } catch (const StatsError& error) {
    EXPECT_NEAR(error.estimate().value(), 0.06 - 3, 1e-15);
  }
}

TEST(TTests, RefuseTooFewValues) {
  const std::vector<double> one{1};
  const std::vector<double> two{1, 2};
  expect_error(ErrorCode::kData, "TooFewObservations", [&] { welch_t_test(one, two); });
  expect_error(ErrorCode::kData, "TooFewObservations", [&] { student_t_test(one, one); });
  expect_error(ErrorCode::kData, "TooFewObservations", [&] { one_sample_t_test(one, 0); });
  expect_error(ErrorCode::kUsage, "InvalidProbability",
               [&] { welch_t_test(two, two, {.confidence = 95}); });
}

// Uniform scores of unequal spread, no difference: Welch rejects in 5 % of 4,000 studies, within 4
// standard errors (0.014).
TEST(WelchTTest, RejectsAsOftenAsItSays) {
  Random random(314);
  constexpr int kStudies = 4000;
  int rejected = 0;
  for (int study = 0; study < kStudies; ++study) {
    Moments a, b;
    for (int i = 0; i < 15; ++i) a.add(0.5 + (random.uniform() - 0.5));
    for (int i = 0; i < 30; ++i) b.add(0.5 + 0.3 * (random.uniform() - 0.5));
    rejected += welch_t_test(a, b).p.value < 0.05;
  }
  EXPECT_NEAR(rejected / static_cast<double>(kStudies), 0.05, 0.014);
}

}  // namespace
}  // namespace peira::stats
