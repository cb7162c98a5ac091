#include "stats/goodness_of_fit.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "stats/random.h"
#include "tests/stats/errors.h"

namespace peira::stats {
namespace {

// n values spread by the golden ratio, then bent by a power.
std::vector<double> spread(int n, double power) {
  std::vector<double> values;
  for (int i = 1; i <= n; ++i)
    values.push_back(std::pow(std::fmod(i * 0.6180339887498949, 1), power));
  return values;
}

// SciPy 1.17.1: stats.kstest(values, "uniform", method="exact"); the last p is the same matrix
// power in mpmath with 60 digits, as SciPy approximates there (0.04385407).
TEST(UniformTest, EqualsScipy) {
  struct Case {
    std::vector<double> values;
    double statistic, p;
  };
  for (const Case& c : {Case{{0.1, 0.4, 0.35, 0.8, 0.92}, 0.2, 0.9616},
                        Case{spread(20, 2), 0.29337892368385865, 0.050874442657632524},
                        Case{spread(20, 1), 0.061456180001681515, 0.9999889175119178},
                        Case{spread(200, 1.3), 0.09684582831527311, 0.04385380935190963}}) {
    const KolmogorovSmirnov got = uniform_test(c.values);
    EXPECT_NEAR(got.statistic, c.statistic, 1e-13);
    EXPECT_NEAR(got.p_value, c.p, 1e-10);
  }
}

// SciPy 1.17.1: stats.kstwo.sf(d, n); n = 1000 by mpmath with 60 digits (SciPy is 6e-9 off), n =
// 2000 where SciPy approximates.
TEST(KolmogorovCdf, EqualsScipy) {
  EXPECT_NEAR(kolmogorov_cdf(0.274, 10), 1 - 0.3715203845434957, 1e-12);
  EXPECT_NEAR(kolmogorov_cdf(0.1, 100), 1 - 0.2526927570063874, 1e-12);
  EXPECT_NEAR(kolmogorov_cdf(0.04, 1000), 0.92066044502459877, 1e-12);
  EXPECT_NEAR(kolmogorov_cdf(0.04, 2000), 1 - 0.0032305680961256145, 1e-8);
  EXPECT_NEAR(kolmogorov_cdf(0.7, 1), 0.4, 1e-15);  // by hand: 2 d - 1
  EXPECT_EQ(kolmogorov_cdf(1, 7), 1);
  EXPECT_EQ(kolmogorov_cdf(0.05, 10), 0);
}

TEST(UniformTest, AsymptoticPartMeetsTheExactOne) {
  // scipy.stats.kstwo.sf(0.015, 8000) = 0.0539... by the exact method; the limit gives 0.0547.
  std::vector<double> values;
  for (int i = 0; i < 8000; ++i) values.push_back(std::min(1.0, (i + 0.5) / 8000 + 0.0149375));
  const KolmogorovSmirnov got = uniform_test(values);
  EXPECT_NEAR(got.statistic, 0.015, 1e-12);
  EXPECT_NEAR(got.p_value, 2 * (std::exp(-3.6) - std::exp(-14.4)), 1e-7);
}

TEST(UniformTest, RefusesWhatIsNoProbability) {
  expect_error(ErrorCode::kData, "EmptyInput", [] { uniform_test({}); });
  expect_error(ErrorCode::kUsage, "InvalidProbability", [] {
    uniform_test(std::vector<double>{0.5, 1.5});
  });
}

TEST(UniformTest, KeepsItsLevel) {
  Random random(11);
  int rejected = 0;
  constexpr int kRuns = 4000;
  for (int run = 0; run < kRuns; ++run) {
    std::vector<double> values(40);
    for (double& value : values) value = random.uniform();
    rejected += uniform_test(values).p_value < 0.05 ? 1 : 0;
  }
  // Four standard errors of 4,000 draws of 0.05.
  EXPECT_NEAR(rejected / double{kRuns}, 0.05, 4 * std::sqrt(0.05 * 0.95 / kRuns));
}

}  // namespace
}  // namespace peira::stats
