#include "stats/quantile_difference.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "stats/distributions.h"
#include "stats/moments.h"
#include "stats/quantiles.h"
#include "stats/random.h"
#include "tests/stats/errors.h"

namespace peira::stats {
namespace {

std::vector<double> skewed(int n, double shift, Random& random) {
  std::vector<double> values;
  for (int i = 0; i < n; ++i) values.push_back(shift - std::log(1 - random.uniform()));
  std::sort(values.begin(), values.end());
  return values;
}

// The short cut by order statistics against plain resampling, for a quantile between two ranks and
// for one on a rank.
TEST(QuantileDifference, HasTheDistributionOfPlainResampling) {
  Random data(5);
  const std::vector<double> a = skewed(31, 0, data);
  const std::vector<double> b = skewed(44, 0.3, data);
  for (const double p : {0.5, 0.9, 0.33}) {
    const QuantileDifference got =
        quantile_difference(a, b, p, {.confidence = 0.9, .num_resamples = 20'000, .seed = 3});
    Random random(17);
    std::vector<double> plain;
    Moments moments;
    const auto resampled = [&random, p](const std::vector<double>& values) {
      std::vector<double> drawn;
      for (std::size_t i = 0; i < values.size(); ++i) {
        drawn.push_back(values[random.below(values.size())]);
      }
      return quantile(drawn, p);
    };
    for (int i = 0; i < 20'000; ++i) {
      const double from_a = resampled(a);
      plain.push_back(resampled(b) - from_a);
      moments.add(plain.back());
    }
    EXPECT_DOUBLE_EQ(got.estimate, quantile(b, p) - quantile(a, p));
    // The spread of a standard deviation over 20,000 draws is below 1 %.
    EXPECT_NEAR(got.std_error, *moments.std_dev(), 0.03 * *moments.std_dev()) << p;
    EXPECT_NEAR(got.interval.low, quantile(plain, 0.05), 0.08 * *moments.std_dev()) << p;
    EXPECT_NEAR(got.interval.high, quantile(plain, 0.95), 0.08 * *moments.std_dev()) << p;
  }
}

TEST(QuantileDifference, IsTheSameForTheSameSeed) {
  Random data(1);
  const std::vector<double> a = skewed(100, 0, data);
  const std::vector<double> b = skewed(100, 0, data);
  const QuantileDifference one = quantile_difference(a, b, 0.95, {.num_resamples = 500, .seed = 9});
  const QuantileDifference two = quantile_difference(a, b, 0.95, {.num_resamples = 500, .seed = 9});
  EXPECT_EQ(one.p_value, two.p_value);
  EXPECT_EQ(one.interval.low, two.interval.low);
  EXPECT_NE(one.interval.low,
            quantile_difference(a, b, 0.95, {.num_resamples = 500, .seed = 10}).interval.low);
}

TEST(QuantileDifference, OfConstantsIsDegenerate) {
  const std::vector<double> a(10, 2), b(10, 5);
  const QuantileDifference got = quantile_difference(a, b, 0.5, {.num_resamples = 99});
  EXPECT_EQ(got.estimate, 3);
  EXPECT_EQ(got.interval.low, 3);
  EXPECT_EQ(got.warnings, std::vector<std::string>{"degenerate"});
}

TEST(QuantileDifference, RefusesWhatHasNoAnswer) {
  const std::vector<double> two{1, 2}, one{1};
  expect_error(ErrorCode::kData, "TooFewObservations", [&] { quantile_difference(one, two, 0.5); });
  expect_error(ErrorCode::kUsage, "InvalidProbability", [&] { quantile_difference(two, two, 1); });
}

// Under no difference: the share of p-values below 0.05 is near 0.05. The percentile bootstrap of a
// median is known to be slightly off at 60 values, hence the band.
TEST(QuantileDifference, KeepsItsLevelNearly) {
  Random data(23);
  int rejected = 0;
  constexpr int kRuns = 400;
  for (int run = 0; run < kRuns; ++run) {
    const std::vector<double> a = skewed(60, 0, data);
    const std::vector<double> b = skewed(60, 0, data);
    rejected += quantile_difference(
                    a, b, 0.5,
                    {.num_resamples = 399, .seed = split_seed(7, static_cast<std::uint64_t>(run))})
                            .p_value < 0.05
                    ? 1
                    : 0;
  }
  EXPECT_LT(rejected, 36);
  EXPECT_GT(rejected, 6);
}

}  // namespace
}  // namespace peira::stats
