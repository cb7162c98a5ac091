#include "stats/srm.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "stats/random.h"
#include "tests/stats/errors.h"

namespace peira::stats {
namespace {

using Counts = std::vector<std::int64_t>;
using Weights = std::vector<double>;

// GrowthBook's helper counts the empty arm in df and gives 0.0748; R chisq.test of the two: 0.0228.
TEST(SampleRatioMismatch, LeavesArmsOfNoWeightOut) {
  const SrmResult got = sample_ratio_mismatch(Counts{4985, 5215, 0}, Weights{0.5, 0.5, 0});
  EXPECT_EQ(got.df, 1);
  EXPECT_NEAR(got.p_value.value(), 0.0227659689030801, 1e-14);
  EXPECT_TRUE(got.warnings.empty());

  const SrmResult stray = sample_ratio_mismatch(Counts{4985, 5215, 3}, Weights{0.5, 0.5, 0});
  EXPECT_EQ(stray.units_of_zero_weight, 3);
  EXPECT_EQ(stray.num_units, 10200);
  EXPECT_EQ(stray.warnings, std::vector<std::string>{"units_in_zero_weight_arm"});
  EXPECT_EQ(stray.p_value, got.p_value);
}

TEST(SampleRatioMismatch, KeepsAnEmptyArmOfPositiveWeight) {
  const SrmResult got = sample_ratio_mismatch(Counts{0, 20}, Weights{1, 1});
  EXPECT_EQ(got.status, SrmStatus::kMismatch);
  EXPECT_NEAR(got.p_value.value(), 7.74421643104408e-06, 1e-17);
  EXPECT_NEAR(got.log_e_value, 1.59705711966088, 1e-13);
}

// R 4.2.2: binom.test(1, 6, 0.5)$p.value and binom.test(0, 40, 0.05)$p.value.
TEST(SampleRatioMismatch, IsExactForFewUnitsOfTwoArms) {
  const SrmResult even = sample_ratio_mismatch(Counts{1, 5}, Weights{1, 1});
  EXPECT_TRUE(even.exact);
  EXPECT_NEAR(even.p_value.value(), 0.21875, 1e-14);
  const SrmResult uneven = sample_ratio_mismatch(Counts{0, 40}, Weights{5, 95});
  EXPECT_NEAR(uneven.p_value.value(), 0.266661932066169, 1e-12);
}

TEST(SampleRatioMismatch, SaysWhenUnitsAreTooFew) {
  const SrmResult got = sample_ratio_mismatch(Counts{2, 3, 4}, Weights{1, 1, 1});
  EXPECT_EQ(got.status, SrmStatus::kInsufficient);
  EXPECT_FALSE(got.p_value);
  EXPECT_EQ(got.warnings, std::vector<std::string>{"insufficient"});
  EXPECT_STREQ(to_string(got.status), "insufficient");
  // 4 expected of 400: neither the chi-squared nor the exact test's ground.
  EXPECT_EQ(sample_ratio_mismatch(Counts{0, 400}, Weights{1, 99}).status, SrmStatus::kInsufficient);
}

// The formula of the specification written with ln Gamma, for counts where it does not cancel.
TEST(SampleRatioMismatch, HasTheEValueOfItsFormula) {
  const Counts counts{30, 11, 0};
  const Weights weights{0.6, 0.3, 0.1};
  double want = std::lgamma(100.0) - std::lgamma(141.0);
  for (std::size_t i = 0; i < 3; ++i) {
    const double alpha = 100 * weights[i];
    want += std::lgamma(alpha + static_cast<double>(counts[i])) - std::lgamma(alpha) -
            static_cast<double>(counts[i]) * std::log(weights[i]);
  }
  EXPECT_NEAR(sample_ratio_mismatch(counts, weights).log_e_value, want, 1e-11);
}

// A billion units: ln Gamma's numbers are 2e10, the e-value's logarithm is near -8.
TEST(SampleRatioMismatch, KeepsItsDigitsAtABillionUnits) {
  const SrmResult even = sample_ratio_mismatch(Counts{500'000'000, 500'000'000}, Weights{1, 1});
  // mpmath, tests/golden/stats/ab_references.py.
  EXPECT_NEAR(even.log_e_value, -8.061547833567489, 1e-12);
  const SrmResult off = sample_ratio_mismatch(Counts{500'100'000, 499'900'000}, Weights{1, 1});
  EXPECT_NEAR(off.log_e_value, 11.938450319766, 1e-11);
}

TEST(SampleRatioMismatch, RefusesWhatIsNoSplit) {
  const auto call = [](Counts counts, Weights weights) {
    return [=] { sample_ratio_mismatch(counts, weights); };
  };
  expect_error(ErrorCode::kData, "LengthMismatch", call({1, 2}, {1}));
  expect_error(ErrorCode::kData, "EmptyInput", call({0, 0}, {1, 1}));
  expect_error(ErrorCode::kUsage, "InvalidArgument", call({1, -1}, {1, 1}));
  expect_error(ErrorCode::kUsage, "InvalidArgument",
               call({1, std::numeric_limits<std::int64_t>::max()}, {1, 1}));
  expect_error(ErrorCode::kUsage, "InvalidArgument", call({1, 1}, {1, -1}));
  expect_error(ErrorCode::kUsage, "InvalidArgument", call({1, 1}, {1, std::nan("")}));
  expect_error(ErrorCode::kUsage, "InvalidArgument", call({10, 0}, {1, 0}));
  expect_error(ErrorCode::kUsage, "InvalidProbability", [] {
    sample_ratio_mismatch(Counts{1, 1}, Weights{1, 1}, {.threshold = 0});
  });
}

// A split broken on one of three days; an empty day is no evidence.
TEST(SampleRatioMismatch, IsAdjustedOverGroups) {
  const std::vector<Counts> days{{500, 510}, {600, 450}, {0, 0}, {505, 495}};
  const std::vector<SrmGroup> got = sample_ratio_mismatch_by_group(days, Weights{1, 1});
  const double alone = sample_ratio_mismatch(days[1], Weights{1, 1}).p_value.value();
  EXPECT_DOUBLE_EQ(got[1].adjusted_p.value(), 3 * alone);
  EXPECT_EQ(got[1].test.status, SrmStatus::kMismatch);
  EXPECT_EQ(got[0].test.status, SrmStatus::kOk);
  EXPECT_EQ(got[2].test.status, SrmStatus::kInsufficient);
  EXPECT_FALSE(got[2].adjusted_p);
  expect_error(ErrorCode::kData, "LengthMismatch", [&] {
    sample_ratio_mismatch_by_group(days, Weights{1, 1, 1});
  });
}

TEST(SampleRatioMismatch, KeepsTheLogarithmWherePUnderflows) {
  const SrmResult got = sample_ratio_mismatch(Counts{900'000, 500'000}, Weights{1, 1});
  EXPECT_EQ(got.p_value, 0);
  EXPECT_LT(got.log10_p.value(), -20'000);
  EXPECT_TRUE(std::isfinite(got.log10_p.value()));
}

// R 4.2.2: chisq.test(matrix(c(50, 60, 40, 55), 2, byrow = TRUE), correct = FALSE).
TEST(AssignmentIndependence, IsPearsonsTest) {
  const IndependenceTest got = assignment_independence(Counts{50, 60, 40, 55}, 2);
  EXPECT_NEAR(got.chi_squared, 0.232184545685691, 1e-12);
  EXPECT_NEAR(got.p.value, 0.629908730572928, 1e-12);
  EXPECT_EQ(got.df, 1);
  // An empty row changes nothing.
  EXPECT_EQ(assignment_independence(Counts{50, 60, 0, 0, 40, 55}, 2).p.value, got.p.value);
}

TEST(AssignmentIndependence, RefusesATableWithoutTwoRows) {
  expect_error(ErrorCode::kData, "DegenerateTable", [] {
    assignment_independence(Counts{5, 6, 0, 0}, 2);
  });
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] {
    assignment_independence(Counts{5, 6, 7}, 2);
  });
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] {
    assignment_independence(Counts{5, -6}, 2);
  });
}

}  // namespace
}  // namespace peira::stats
