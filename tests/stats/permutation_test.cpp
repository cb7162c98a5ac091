#include "stats/permutation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "stats/random.h"
#include "tests/stats/errors.h"

namespace peira::stats {
namespace {

const std::vector<double> kA{1.1, 2.3, 3.7, 4.2};
const std::vector<double> kB{2.9, 3.1, 5.8, 6.4, 7.7};

TEST(PermutationMeanDifference, MirrorsWhenArmsSwap) {
  const PermutationTest forth = permutation_mean_difference(kA, kB);
  const PermutationTest back = permutation_mean_difference(kB, kA);
  EXPECT_EQ(forth.num_arrangements, 126);
  EXPECT_NEAR(forth.estimate, -back.estimate, 1e-15);
  EXPECT_EQ(forth.greater_p, back.less_p);
  EXPECT_EQ(forth.two_sided_p, back.two_sided_p);
}

// Equal arms: every arrangement is at least as extreme as none, whatever rounding makes of 0.
TEST(PermutationMeanDifference, CountsRoundingAsEqual) {
  const std::vector<double> same{0.1, 0.2, 0.3};
  EXPECT_EQ(permutation_mean_difference(same, same).two_sided_p, 1);
  const std::vector<double> constant{0.1, 0.1, 0.1};
  EXPECT_EQ(permutation_mean_difference(constant, constant).greater_p, 1);
}

// With a cluster a value nothing changes; with two clusters an arm there are C(4, 2) arrangements,
// and the observed one is the most extreme with its mirror.
TEST(PermutationMeanDifference, MovesWholeClusters) {
  const std::vector<std::int64_t> each_a{0, 1, 2, 3};
  const std::vector<std::int64_t> each_b{4, 5, 6, 7, 8};
  EXPECT_EQ(permutation_mean_difference(kA, kB, {}, each_a, each_b).two_sided_p,
            permutation_mean_difference(kA, kB).two_sided_p);

  const std::vector<double> low{0, 0.1, 0, 0.1}, high{1, 1.1, 1, 1.1};
  const std::vector<std::int64_t> low_ids{1, 1, 2, 2}, high_ids{3, 3, 4, 4};
  const PermutationTest test = permutation_mean_difference(low, high, {}, low_ids, high_ids);
  EXPECT_EQ(test.num_arrangements, 6);
  EXPECT_NEAR(test.two_sided_p, 2 / 6.0, 1e-15);
  EXPECT_NEAR(test.greater_p, 1 / 6.0, 1e-15);
}

TEST(PermutationMeanDifference, DrawsWhereThereAreTooManyArrangements) {
  Random random(5);
  std::vector<double> a(40), b(40);
  for (double& value : a) value = random.uniform();
  for (double& value : b) value = random.uniform() + 0.15;
  const PermutationTest test = permutation_mean_difference(a, b, {.seed = 8});
  EXPECT_EQ(test.method, "monte-carlo");
  EXPECT_EQ(test.num_arrangements, 9999);
  EXPECT_EQ(test.two_sided_p, permutation_mean_difference(a, b, {.seed = 8}).two_sided_p);
  EXPECT_GE(test.greater_p, 1e-4);
  EXPECT_NEAR(*test.two_sided_std_error,
              std::sqrt(test.two_sided_p * (1 - test.two_sided_p) / 9999), 1e-15);
  // Far apart, no draw is as extreme: p is 1 / (1 + B), never 0.
  for (double& value : b) value += 10;
  EXPECT_EQ(permutation_mean_difference(a, b).two_sided_p, 1e-4);
}

TEST(SignFlipTest, TriesAllSignsOfUpToTwenty) {
  const std::vector<double> ones(20, 1.0);
  const PermutationTest test = sign_flip_test(ones);
  EXPECT_EQ(test.num_arrangements, 1 << 20);
  EXPECT_EQ(test.two_sided_p, 2.0 / (1 << 20));
  EXPECT_EQ(sign_flip_test(std::vector<double>(21, 1.0)).method, "monte-carlo");
}

TEST(SignFlipTest, FlipsWholeClusters) {
  const std::vector<double> d{1, 2, 3, 1};
  const std::vector<std::int64_t> clusters{1, 1, 2, 2};
  const PermutationTest test = sign_flip_test(d, {}, clusters);
  EXPECT_EQ(test.num_arrangements, 4);
  EXPECT_EQ(test.two_sided_p, 0.5);
  EXPECT_EQ(test.greater_p, 0.25);
}

// Monte Carlo comes near what all 2^20 signs say.
TEST(SignFlipTest, EstimatesTheExactP) {
  std::vector<double> d;
  for (int i = 0; i < 20; ++i) d.push_back(std::sin(i * 1.7) + 0.3);
  const double exact = sign_flip_test(d).two_sided_p;
  d.push_back(0);  // changes no sum, but there are 21 now
  const PermutationTest drawn = sign_flip_test(d, {.num_resamples = 40'000, .seed = 2});
  EXPECT_NEAR(drawn.two_sided_p, exact, 5 * *drawn.two_sided_std_error);
}

TEST(PermutationTests, RefuseWhatTheyCannotPermute) {
  const std::vector<double> none;
  expect_error(ErrorCode::kData, "EmptyInput", [&] { permutation_mean_difference(none, kB); });
  expect_error(ErrorCode::kData, "EmptyInput", [&] { sign_flip_test(none); });
  expect_error(ErrorCode::kData, "NonFiniteInput", [&] {
    sign_flip_test(std::vector<double>{1, INFINITY});
  });
  expect_error(ErrorCode::kUsage, "InvalidArgument",
               [&] { sign_flip_test(kA, {.num_resamples = 0}); });
  const std::vector<std::int64_t> ids_a{1, 1, 2, 2}, ids_b{2, 3, 3, 3, 3};
  expect_error(ErrorCode::kUsage, "InvalidArgument",
               [&] { permutation_mean_difference(kA, kB, {}, ids_a, ids_b); });
  expect_error(ErrorCode::kData, "LengthMismatch", [&] { sign_flip_test(kA, {}, ids_b); });
}

}  // namespace
}  // namespace peira::stats
