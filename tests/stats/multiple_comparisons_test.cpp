#include "stats/multiple_comparisons.h"

#include <cmath>

#include "stats/random.h"
#include "tests/stats/errors.h"

namespace peira::stats {
namespace {

// statsmodels 0.15.0 multipletests(method="holm").
TEST(Holm, KeepsTheOrderOfItsInput) {
  const std::vector<double> adjusted = holm(std::vector<double>{0.03, 0.001, 0.04});
  EXPECT_THAT(adjusted, testing::Pointwise(testing::DoubleEq(), {0.06, 0.003, 0.06}));
}

TEST(Holm, LeavesOneTestAloneAndNoneEmpty) {
  EXPECT_EQ(holm(std::vector<double>{0.04}), std::vector<double>{0.04});
  EXPECT_TRUE(holm({}).empty());
}

TEST(MultipleComparisons, RefuseWhatIsNoProbability) {
  for (const double bad : {-0.1, 1.1, std::nan("")}) {
    const std::vector<double> p{0.5, bad};
    expect_error(ErrorCode::kUsage, "InvalidProbability", [&] { holm(p); });
    expect_error(ErrorCode::kUsage, "InvalidProbability", [&] { benjamini_hochberg(p); });
  }
}

// Five true nulls: at least one false alarm in at most 5 % of 4,000 families (+ 4 standard errors).
TEST(Holm, HoldsTheFamilyWiseError) {
  Random random(8);
  constexpr int kFamilies = 4000;
  int alarmed = 0;
  for (int family = 0; family < kFamilies; ++family) {
    std::vector<double> p(5);
    for (double& value : p) value = random.uniform();
    for (const double adjusted : holm(p)) {
      if (adjusted < 0.05) {
        ++alarmed;
        break;
      }
    }
  }
  EXPECT_LT(alarmed / static_cast<double>(kFamilies), 0.05 + 0.014);
}

// By hand: two treatments, three metrics, half of 5 % for the primary one.
TEST(PreferentialBonferroni, FavoursThePrimaryMetric) {
  const PreferentialAlphas got = preferential_bonferroni(0.05, 0.5, 3, 2);
  EXPECT_DOUBLE_EQ(got.primary, 0.0125);
  EXPECT_DOUBLE_EQ(got.other.value(), 0.00625);
  EXPECT_DOUBLE_EQ(2 * (got.primary + 2 * *got.other), 0.05);
  const PreferentialAlphas alone = preferential_bonferroni(0.05, 0.5, 1, 2);
  EXPECT_DOUBLE_EQ(alone.primary, 0.025);
  EXPECT_FALSE(alone.other);
  expect_error(ErrorCode::kUsage, "InvalidProbability",
               [] { preferential_bonferroni(0.05, 1, 3, 2); });
  expect_error(ErrorCode::kUsage, "InvalidArgument",
               [] { preferential_bonferroni(0.05, 0.5, 0, 2); });
}

}  // namespace
}  // namespace peira::stats
