#include "stats/bootstrap.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "stats/moments.h"
#include "stats/random.h"
#include "tests/stats/errors.h"

namespace peira::stats {
namespace {

const std::vector<double> kValues{0.31, 0.64, 0.58, 0.92, 0.47, 0.75, 0.66, 0.12, 0.83, 0.55};

std::vector<double> skewed(std::size_t count) {
  Random random(77);
  std::vector<double> values(count);
  for (double& value : values) value = -std::log1p(-random.uniform());
  return values;
}

// The replicates written out with the plain generator, in the stated order of draws.
TEST(Bootstrap, DrawsArmAFirst) {
  const auto a = skewed(13);
  const auto b = skewed(29);
  constexpr std::int64_t kResamples = 500;
  Random random(9);
  std::vector<double> differences, ratios;
  for (int i = 0; i < kResamples; ++i) {
    double sum_a = 0;
    double sum_b = 0;
    for (std::size_t j = 0; j < a.size(); ++j) sum_a += a[random.below(a.size())];
    for (std::size_t j = 0; j < b.size(); ++j) sum_b += b[random.below(b.size())];
    differences.push_back(sum_b / 29 - sum_a / 13);
    ratios.push_back(sum_b / 29 / (sum_a / 13));
  }
  const BootstrapOptions options{.num_resamples = kResamples, .seed = 9};
  EXPECT_NEAR(bootstrap_independent(a, b, TwoSampleStatistic::kMeanDifference, options).std_error,
              *moments_of(differences).std_dev(), 1e-13);
  EXPECT_NEAR(bootstrap_independent(a, b, TwoSampleStatistic::kRatioOfMeans, options).std_error,
              *moments_of(ratios).std_dev(), 1e-13);
}

TEST(Bootstrap, KeepsPairsTogether) {
  const auto a = skewed(25);
  std::vector<double> b = a;
  for (double& value : b) value *= 1.5;
  // b is a multiple of a: their ratio cannot vary.
  const Bootstrap ratio = bootstrap_pairs(a, b, TwoSampleStatistic::kRatioOfMeans);
  EXPECT_NEAR(ratio.estimate, 1.5, 1e-14);
  EXPECT_EQ(ratio.method, "degenerate");
  EXPECT_EQ(ratio.interval.low, ratio.interval.high);

  const BootstrapOptions options{.num_resamples = 300, .seed = 4};
  std::vector<double> differences;
  for (std::size_t i = 0; i < a.size(); ++i) differences.push_back(b[i] - a[i]);
  EXPECT_EQ(bootstrap_pairs(a, b, TwoSampleStatistic::kMeanDifference, options).interval.low,
            bootstrap(differences, SampleStatistic::kMean, options).interval.low);
}

// The jackknife of each statistic, against leaving values out one by one.
TEST(Bootstrap, AcceleratesByTheJackknife) {
  const auto values = skewed(11);
  const auto acceleration_by_hand = [&](auto statistic) {
    std::vector<double> left_out;
    for (std::size_t out = 0; out < values.size(); ++out) {
      std::vector<double> rest = values;
      rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(out));
      left_out.push_back(statistic(rest));
    }
    const double mean = moments_of(left_out).mean();
    double squares = 0;
    double cubes = 0;
    for (const double value : left_out) {
      squares += std::pow(mean - value, 2);
      cubes += std::pow(mean - value, 3);
    }
    return cubes / (6 * std::pow(squares, 1.5));
  };
  const auto acceleration = [&](SampleStatistic statistic) {
    return bootstrap(values, statistic, {.num_resamples = 200}).acceleration.value();
  };
  EXPECT_NEAR(acceleration(SampleStatistic::kMean),
              acceleration_by_hand([](auto rest) { return moments_of(rest).mean(); }), 1e-12);
  EXPECT_NEAR(acceleration(SampleStatistic::kStdDev),
              acceleration_by_hand([](auto rest) { return *moments_of(rest).std_dev(); }), 1e-12);
  EXPECT_NEAR(acceleration(SampleStatistic::kMedian), acceleration_by_hand([](auto rest) {
                std::sort(rest.begin(), rest.end());
                return (rest[4] + rest[5]) / 2;
              }),
              1e-12);
}

TEST(Bootstrap, ComesNearAllResamples) {
  const std::vector<double> few(kValues.begin(), kValues.begin() + 6);
  for (const auto statistic :
       {SampleStatistic::kMean, SampleStatistic::kMedian, SampleStatistic::kStdDev}) {
    const Bootstrap all = enumerated_bootstrap(few, statistic);
    EXPECT_EQ(all.num_resamples, 46'656);  // 6^6
    const Bootstrap drawn = bootstrap(few, statistic, {.num_resamples = 50'000, .seed = 1});
    EXPECT_NEAR(drawn.std_error, all.std_error, 0.002);
    EXPECT_NEAR(drawn.percentile.low, all.percentile.low, 0.01);
    EXPECT_EQ(drawn.acceleration, all.acceleration);
  }
}

TEST(Bootstrap, SaysWhereBcaIsUndefined) {
  const std::vector<double> constant(5, 0.3);
  const Bootstrap same = bootstrap(constant);
  EXPECT_EQ(same.method, "degenerate");
  EXPECT_EQ(same.interval.low, 0.3);
  EXPECT_EQ(same.interval.high, 0.3);
  EXPECT_EQ(same.warnings, std::vector<std::string>{"degenerate"});

  // Every replicate below the estimate.
  const std::vector<double> jackknife{1, 2, 3};
  const Bootstrap outside = bootstrap_from(9, {1, 2, 3, 4}, jackknife, 0.5);
  EXPECT_EQ(outside.method, "percentile (bca undefined)");
  EXPECT_FALSE(outside.bias_correction);
  EXPECT_EQ(outside.interval.low, outside.percentile.low);
  // A jackknife that never moves.
  const std::vector<double> still{2, 2, 2};
  EXPECT_EQ(bootstrap_from(2, {1, 2, 3, 4}, still, 0.5).method, "percentile (bca undefined)");
}

TEST(Bootstrap, RefusesWhatItCannotResample) {
  const std::vector<double> one{1};
  const std::vector<double> two{1, 2};
  expect_error(ErrorCode::kData, "TooFewObservations", [&] { bootstrap(one); });
  expect_error(ErrorCode::kData, "TooFewObservations",
               [&] { bootstrap(two, SampleStatistic::kStdDev); });
  expect_error(ErrorCode::kData, "NonFiniteInput", [] { bootstrap(std::vector<double>{1, NAN}); });
  expect_error(ErrorCode::kUsage, "InvalidArgument",
               [&] { bootstrap(two, SampleStatistic::kMean, {.num_resamples = 1}); });
  expect_error(ErrorCode::kUsage, "BudgetExceeded",
               [&] { bootstrap(two, SampleStatistic::kMean, {.num_resamples = 1'000'000'000}); });
  expect_error(ErrorCode::kUsage, "BudgetExceeded", [] { enumerated_bootstrap(kValues); });
  expect_error(ErrorCode::kUsage, "InvalidProbability",
               [&] { bootstrap(two, SampleStatistic::kMean, {.confidence = 0}); });
  const std::vector<double> zeros{0, 0, 0};
  expect_error(ErrorCode::kData, "NotEstimable",
               [&] { bootstrap_independent(zeros, two, TwoSampleStatistic::kRatioOfMeans); });
  expect_error(ErrorCode::kData, "LengthMismatch",
               [&] { bootstrap_pairs(two, zeros, TwoSampleStatistic::kMeanDifference); });
}

TEST(ClusterBootstrap, IsTheOrdinaryOneForClustersOfOne) {
  std::vector<std::int64_t> ids;
  for (std::size_t i = 0; i < kValues.size(); ++i) ids.push_back(static_cast<std::int64_t>(i));
  const BootstrapOptions options{.num_resamples = 400, .seed = 6};
  const Bootstrap clustered = cluster_bootstrap(kValues, ids, options);
  const Bootstrap plain = bootstrap(kValues, SampleStatistic::kMean, options);
  EXPECT_NEAR(clustered.interval.low, plain.interval.low, 1e-12);
  EXPECT_NEAR(clustered.std_error, plain.std_error, 1e-12);
  EXPECT_TRUE(clustered.warnings.empty());
}

TEST(ClusterBootstrap, DrawsWithinClustersOnlyWhenAsked) {
  const std::vector<double> values{0, 1, 2, 0, 1, 2, 0, 1, 2};
  const std::vector<std::int64_t> ids{4, 4, 4, 5, 5, 5, 9, 9, 9};
  const Bootstrap outer = cluster_bootstrap(values, ids);
  EXPECT_EQ(outer.method, "degenerate");  // every cluster has the same mean
  EXPECT_EQ(outer.warnings, (std::vector<std::string>{"degenerate", "few_clusters"}));
  const Bootstrap inner =
      cluster_bootstrap(values, ids, {.seed = 1}, ClusterLevels::kClustersAndValues);
  // Variance of a mean of nine values drawn from 0, 1, 2: (2/3) / 9.
  EXPECT_NEAR(inner.std_error, std::sqrt(2.0 / 27), 0.01);
  expect_error(ErrorCode::kData, "TooFewObservations",
               [&] { cluster_bootstrap(values, std::vector<std::int64_t>(9, 1)); });
}

}  // namespace
}  // namespace peira::stats
