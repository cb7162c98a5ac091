#include "stats/e_values.h"

#include <cmath>
#include <vector>

#include "tests/stats/errors.h"

namespace peira::stats {
namespace {

using Values = std::vector<double>;

// By hand, alpha 0.05: 2 * 45 / 3 = 30 >= 20, 3 * 0.2 / 3 < 20.
TEST(EBenjaminiHochberg, RejectsTheLargest) {
  EXPECT_EQ(e_benjamini_hochberg(Values{45, 0.2, 60}, 0.05), (std::vector<std::size_t>{0, 2}));
  EXPECT_TRUE(e_benjamini_hochberg(Values{}, 0.05).empty());
  // Exactly 1 / alpha is enough.
  EXPECT_EQ(e_benjamini_hochberg(Values{20}, 0.05).size(), 1u);
  EXPECT_EQ(e_benjamini_hochberg(Values{HUGE_VAL, 0}, 0.05).size(), 1u);
}

TEST(EValues, AreAveragedAndMultiplied) {
  EXPECT_DOUBLE_EQ(mean_e_value(Values{1, 2, 6}), 3);
  EXPECT_NEAR(log_product_e_value(Values{2, 3}), std::log(6.0), 1e-15);
  EXPECT_NEAR(log_product_e_value(Values(1000, 1e300)), 1000 * std::log(1e300), 1e-6);
  EXPECT_EQ(log_product_e_value(Values{0, 3}), -HUGE_VAL);
  EXPECT_EQ(log_product_e_value(Values{}), 0);
  expect_error(ErrorCode::kData, "NotEstimable", [] { log_product_e_value(Values{0, HUGE_VAL}); });
  expect_error(ErrorCode::kData, "EmptyInput", [] { mean_e_value(Values{}); });
}

TEST(EValues, AreTurnedIntoPValuesAndBack) {
  EXPECT_DOUBLE_EQ(p_from_e(20), 0.05);
  EXPECT_EQ(p_from_e(0.3), 1);
  EXPECT_EQ(p_from_e(0), 1);
  EXPECT_EQ(p_from_e(HUGE_VAL), 0);
  EXPECT_EQ(e_from_p(1), 0.5);
  EXPECT_EQ(e_from_p(0), HUGE_VAL);
  // (e^m - 1 - m) / m^2 where the series takes over, m = 0.1; near 1 it is 1/2 + m/6.
  EXPECT_NEAR(e_from_p(std::exp(-0.0999999)), e_from_p(std::exp(-0.1000001)), 5e-8);
  EXPECT_NEAR(e_from_p(std::exp(-0.1)), 0.517091807564762, 1e-13);
  EXPECT_NEAR(e_from_p(1 - 1e-9), 0.5 + 1e-9 / 6, 1e-15);
}

// A calibrator's mean over uniform p is 1; the integral over (1e-6, 1) by the midpoint rule in ln
// p.
TEST(EValues, OfUniformPHaveMeanOne) {
  double sum = 0;
  constexpr int kSteps = 200'000;
  const double step = 600.0 / kSteps;
  for (int i = 0; i < kSteps; ++i) {
    const double p = std::exp(-(i + 0.5) * step);
    sum += e_from_p(p) * p * step;
  }
  EXPECT_NEAR(sum, 1 - 1.0 / 600, 1e-4);  // the rest lies below p = e^-600: about 1 / m
}

TEST(EValues, RefuseWhatIsNone) {
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] { p_from_e(-1); });
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] { mean_e_value(Values{NAN}); });
  expect_error(ErrorCode::kUsage, "InvalidArgument",
               [] { e_benjamini_hochberg(Values{-2}, 0.05); });
  expect_error(ErrorCode::kUsage, "InvalidProbability", [] { e_benjamini_hochberg(Values{2}, 1); });
  expect_error(ErrorCode::kUsage, "InvalidProbability", [] { e_from_p(-0.1); });
}

}  // namespace
}  // namespace peira::stats
