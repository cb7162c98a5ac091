// Figures of R 4.2.2 fisher.test: tests/golden/stats/rank_references.R; its odds ratios are good to
// four digits.
#include "stats/contingency.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/stats/errors.h"

namespace peira::stats {
namespace {

TEST(FisherTest, AgreesWithR) {
  const FisherTest tea = fisher_test({3, 1, 1, 3});
  EXPECT_NEAR(tea.two_sided_p, 0.485714285714286, 1e-14);
  EXPECT_NEAR(tea.greater_p, 0.242857142857143, 1e-14);
  EXPECT_NEAR(tea.conditional_odds_ratio.value(), 6.40830886700579, 1e-3);
  EXPECT_NEAR(tea.exact_interval->low, 0.211732915305503, 1e-5);
  EXPECT_NEAR(tea.exact_interval->high, 621.933750545417, 5);  // R stops its search early here

  const FisherTest none = fisher_test({0, 7, 5, 4});
  EXPECT_NEAR(none.two_sided_p, 0.0336538461538462, 1e-14);
  EXPECT_NEAR(none.less_p, 0.0288461538461538, 1e-14);
  EXPECT_EQ(none.conditional_odds_ratio.value(), 0);
  EXPECT_EQ(none.exact_interval->low, 0);
  EXPECT_NEAR(none.exact_interval->high, 1.06667766210732, 1e-4);
  EXPECT_FALSE(none.woolf);
  EXPECT_TRUE(none.haldane);

  const FisherTest large = fisher_test({150, 250, 180, 190});
  EXPECT_NEAR(large.two_sided_p, 0.00218631571058359, 1e-12);
  EXPECT_NEAR(large.greater_p, 0.999309068441392, 1e-12);
  EXPECT_NEAR(large.conditional_odds_ratio.value(), 0.633730470352878, 1e-4);
  EXPECT_FALSE(large.haldane);
}

// Swapping rows inverts the odds ratio and its limits and exchanges the tails.
TEST(FisherTest, TurnsWithTheTable) {
  const FisherTest forth = fisher_test({12, 5, 6, 14}, 0.9);
  const FisherTest back = fisher_test({6, 14, 12, 5}, 0.9);
  EXPECT_NEAR(forth.two_sided_p, back.two_sided_p, 1e-14);
  EXPECT_NEAR(forth.greater_p, back.less_p, 1e-14);
  EXPECT_NEAR(*forth.conditional_odds_ratio * *back.conditional_odds_ratio, 1, 1e-11);
  EXPECT_NEAR(forth.exact_interval->low * back.exact_interval->high, 1, 1e-11);
}

// The tails at the limits are alpha / 2: with one table of the margins above 0, by hand
// P(A >= 1) = 1 - (1 - p)^... for [[1,0],[0,1]]: P(A = 1) = psi / (1 + psi) = 0.025.
TEST(FisherTest, InvertsTheTails) {
  const FisherTest test = fisher_test({1, 0, 0, 1});
  EXPECT_NEAR(test.exact_interval->low, 0.025 / 0.975, 1e-12);
  EXPECT_EQ(test.exact_interval->high, HUGE_VAL);
  EXPECT_EQ(test.conditional_odds_ratio.value(), HUGE_VAL);
}

TEST(FisherTest, TakesTablesOfAMillion) {
  const FisherTest test = fisher_test({250'400, 249'600, 249'900, 250'100});
  // Close to the normal: z of the pooled test of two shares.
  const double z = (250'400 - 249'900) / std::sqrt(2 * 500'000 * (0.5003 * 0.4997));
  EXPECT_NEAR(test.greater_p, std::erfc(z / std::sqrt(2.0)) / 2, 1e-3);
  EXPECT_NEAR(*test.conditional_odds_ratio, 250'400.0 * 250'100 / (249'600.0 * 249'900), 1e-8);
}

TEST(FisherTest, SaysWhenTheTableDecidesNothing) {
  const FisherTest test = fisher_test({3, 0, 5, 0});
  EXPECT_EQ(test.two_sided_p, 1);
  EXPECT_FALSE(test.conditional_odds_ratio);
  EXPECT_FALSE(test.sample_odds_ratio);
  EXPECT_EQ(test.warnings, std::vector<std::string>{"degenerate_table"});
  expect_error(ErrorCode::kData, "DegenerateTable", [] { fisher_test({0, 0, 0, 0}); });
  expect_error(ErrorCode::kData, "DegenerateTable", [] { fisher_test({-1, 2, 3, 4}); });
  expect_error(ErrorCode::kUsage, "BudgetExceeded", [] {
    const std::int64_t many = 1'000'000'000;
    fisher_test({many, many, many, many});
  });
  expect_error(ErrorCode::kUsage, "InvalidProbability", [] { fisher_test({1, 2, 3, 4}, 1); });
}

}  // namespace
}  // namespace peira::stats
