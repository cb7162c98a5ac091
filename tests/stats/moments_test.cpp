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

// 10^9 observations far from 0, as shards of 1000 merged one by one and by doubling: halves at
// 10^9 and at 10^9 + 1, so the variance is n / (4 (n - 1)).
TEST(Moments, StayRightAtABillionObservations) {
  Moments shard;
  for (int i = 0; i < 1000; ++i) shard.add(1e9 + i % 2);
  Moments one_by_one;
  for (int i = 0; i < 1'000'000; ++i) one_by_one.merge(shard);
  Moments doubled = shard;
  for (int i = 0; i < 20; ++i) doubled.merge(Moments(doubled));
  for (const Moments& all : {one_by_one, doubled}) {
    const double n = static_cast<double>(all.count());
    EXPECT_GE(n, 1e9);
    EXPECT_NEAR(all.mean(), 1e9 + 0.5, 2e-7);  // two units in the last place
    EXPECT_NEAR(*all.variance(), n / (4 * (n - 1)), 1e-9);
    EXPECT_NEAR(all.sum() / n, 1e9 + 0.5, 2e-7);
  }
}

// Shards whose own spread is nothing beside the distance between them.
TEST(Moments, MergeShardsFarApart) {
  Moments all;
  for (int i = 0; i < 100'000; ++i) all.merge(Moments(10'000, i % 2 == 0 ? 1e9 : -1e9, 10'000));
  const double n = 1e9;
  EXPECT_EQ(all.count(), 1'000'000'000);
  EXPECT_NEAR(all.mean(), 0, 1e-3);
  EXPECT_NEAR(*all.variance() / 1e18, n / (n - 1), 1e-12);
}

TEST(Moments, SumWithoutDrift) {
  Moments moments;
  for (int i = 0; i < 1'000'000; ++i) moments.add(0.1);
  EXPECT_DOUBLE_EQ(moments.sum(), 100'000);
  EXPECT_EQ(moments.sum_squared_deviations(), 0);
}

// By hand: 1, 2, 3, 5 sum to 11 and their squares to 39: 39 - 121 / 4 = 8.75.
TEST(Moments, ImportSums) {
  const Moments imported = Moments::from_sums(4, 11, 39);
  EXPECT_DOUBLE_EQ(imported.mean(), 2.75);
  EXPECT_DOUBLE_EQ(imported.sum_squared_deviations(), 8.75);
  EXPECT_EQ(Moments::from_sums(0, 0, 0).count(), 0);
  EXPECT_EQ(Moments::from_sums(1, 0.1, 0.1 * 0.1).sum_squared_deviations(), 0);
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] { Moments::from_sums(4, 11, 30); });
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] { Moments::from_sums(1, 3, 10); });
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] { Moments::from_sums(0, 1, 1); });
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] { Moments::from_sums(-2, 1, 1); });
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] { Moments::from_sums(2, HUGE_VAL, 1); });
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
