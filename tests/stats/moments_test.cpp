#include "stats/moments.h"

#include <cmath>
#include <vector>

#include "tests/stats/errors.h"

namespace peira::stats {
namespace {

TEST(Moments, SayNothingOfSpreadBelowTwoValues) {
  Moments moments;
  EXPECT_EQ(moments.count(), 0);
  EXPECT_FALSE(moments.variance());
  moments.add(3);
  EXPECT_EQ(moments.mean(), 3);
  EXPECT_FALSE(moments.std_dev());
  EXPECT_FALSE(moments.std_error());
}

TEST(Moments, MergeInAnySplitAsOneStream) {
  std::vector<double> values;
  for (int i = 0; i < 200; ++i) values.push_back(std::sin(i) * 7 + 1e6);
  const Moments whole = moments_of(values);
  for (const std::size_t split : {0u, 1u, 73u, 199u, 200u}) {
    Moments merged = moments_of(std::span(values).first(split));
    merged.merge(moments_of(std::span(values).subspan(split)));
    EXPECT_EQ(merged.count(), whole.count());
    EXPECT_NEAR(merged.mean(), whole.mean(), 1e-9);
    EXPECT_NEAR(*merged.variance(), *whole.variance(), 1e-9 * *whole.variance());
  }
}

TEST(Moments, SumWholeNumbersExactly) {
  Moments moments;
  for (int i = 0; i < 198; ++i) moments.add(i % 7 == 0 ? 1 : 0);
  EXPECT_EQ(moments.sum(), 29);
}

TEST(Moments, RefuseWhatIsNoNumber) {
  Moments moments;
  expect_error(ErrorCode::kData, "NonFiniteInput", [&] { moments.add(std::nan("")); });
  expect_error(ErrorCode::kData, "NonFiniteInput", [&] { moments.add(HUGE_VAL); });
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] { Moments(5, 1, -0.1); });
  EXPECT_EQ(moments.count(), 0);
}

// By hand: deviations (-1, 0, 1) and (-2, 1, 1): cross products 2 + 0 + 1, / 2 = 1.5;
// correlation 3 / sqrt(2 * 6).
TEST(PairedMoments, GiveCovarianceAndCorrelation) {
  PairedMoments moments;
  moments.add(1, 4);
  moments.add(2, 7);
  PairedMoments rest;
  rest.add(3, 7);
  moments.merge(rest);
  EXPECT_DOUBLE_EQ(moments.covariance().value(), 1.5);
  EXPECT_DOUBLE_EQ(moments.correlation().value(), 3 / std::sqrt(12.0));
}

TEST(PairedMoments, HaveNoCorrelationWithAConstantArm) {
  PairedMoments moments;
  moments.add(1, 5);
  moments.add(2, 5);
  EXPECT_DOUBLE_EQ(moments.covariance().value(), 0);
  EXPECT_FALSE(moments.correlation());
}

TEST(PairedMoments, TakeAnAggregateMadeElsewhere) {
  PairedMoments seen;
  seen.add(1, 4);
  seen.add(2, 7);
  seen.add(3, 7);
  const PairedMoments given(Moments(3, 2, 2), Moments(3, 6, 6), 3);
  EXPECT_DOUBLE_EQ(given.covariance().value(), seen.covariance().value());
  EXPECT_DOUBLE_EQ(given.sum_of_products(), seen.sum_of_products());
  expect_error(ErrorCode::kUsage, "InvalidArgument",
               [] { PairedMoments(Moments(3, 2, 2), Moments(4, 6, 6), 3); });
  expect_error(ErrorCode::kUsage, "InvalidArgument",
               [] { PairedMoments(Moments(3, 2, 2), Moments(3, 6, 6), 4); });
}

}  // namespace
}  // namespace peira::stats
