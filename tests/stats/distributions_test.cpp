#include "stats/distributions.h"

#include <cmath>

#include "tests/stats/errors.h"

namespace peira::stats {
namespace {

// SciPy 1.17.1, tests/golden/stats/make_references.py.
TEST(Distributions, AgreeWithScipy) {
  EXPECT_NEAR(normal_quantile(0.975), 1.95996398454005, 1e-13);
  EXPECT_NEAR(t_quantile(0.975, 3.7), 2.86752070719119, 1e-13);
  EXPECT_NEAR(binomial_cdf(3, 10, 0.3), 0.6496107184, 1e-13);
  EXPECT_NEAR(chi_squared_upper_tail(7.3, 2.5), 0.0419534598185197, 1e-13);
}

TEST(Distributions, HaveSymmetricTails) {
  for (const double x : {0.0, 0.3, 1.7, 6.0}) {
    EXPECT_NEAR(normal_cdf(x) + normal_upper_tail(x), 1, 1e-15);
    EXPECT_NEAR(normal_cdf(-x), normal_upper_tail(x), 1e-15);
    EXPECT_NEAR(t_upper_tail(x, 4.5) + t_upper_tail(-x, 4.5), 1, 1e-14);
  }
  EXPECT_EQ(t_upper_tail(HUGE_VAL, 3), 0);
  EXPECT_EQ(binomial_cdf(-1, 5, 0.2), 0);
  EXPECT_EQ(binomial_cdf(5, 5, 0.2), 1);
  EXPECT_EQ(binomial_probability(6, 5, 0.2), 0);
}

// The direct logarithm takes over where the tail itself nears underflow: both must meet there.
TEST(Distributions, LogTailsAreSmoothWhereTheyChangeFormula) {
  const auto second_difference = [](auto tail, double x, double step) {
    return tail(x - step) - 2 * tail(x) + tail(x + step);
  };
  for (double x = 36; x < 37; x += 0.01) {
    EXPECT_NEAR(second_difference(normal_log_upper_tail, x, 0.01), -1e-4, 1e-6) << x;
  }
  for (double x = 1300; x < 1340; x += 0.5) {
    const double bend =
        second_difference([](double v) { return chi_squared_log_upper_tail(v, 4); }, x, 0.5);
    EXPECT_NEAR(bend, 0, 1e-6) << x;
  }
  for (double x = 30; x < 60; x += 0.25) {
    const double bend =
        second_difference([](double v) { return t_log_upper_tail(v, 400); }, x, 0.25);
    EXPECT_NEAR(bend, 0, 0.05) << x;
  }
}

TEST(Distributions, KeepTheLogarithmWherePUnderflows) {
  const PValue p = t_p_value(1e4, 200);
  EXPECT_EQ(p.value, t_p_value(-1e4, 200).value);
  EXPECT_LT(p.log10, -300);
  EXPECT_TRUE(std::isfinite(p.log10));
}

// mpmath, tests/golden/stats/distribution_references.py.
TEST(Distributions, GiveTheTailOfFAlsoWhereItUnderflows) {
  EXPECT_NEAR(f_log_upper_tail(3.2, 2, 15), -2.6650554069419681, 1e-12);
  EXPECT_NEAR(f_upper_tail(3.2, 2, 15), 0.069595497352757358, 1e-14);
  EXPECT_NEAR(f_log_upper_tail(0.4, 5.5, 7.25), -0.16535493769198528, 1e-13);
  EXPECT_NEAR(f_log_upper_tail(900, 3, 400), -406.83546271563356, 1e-9);
  EXPECT_EQ(f_upper_tail(5000, 10, 900), 0);
  EXPECT_NEAR(f_log_upper_tail(5000, 10, 900), -1794.6406626548765, 1e-9);
  EXPECT_EQ(f_upper_tail(-1, 2, 3), 1);
  EXPECT_EQ(f_upper_tail(HUGE_VAL, 2, 3), 0);
}

// mpmath, tests/golden/stats/distribution_references.py.
TEST(Distributions, GiveLogBetaWithoutCancellation) {
  const auto expect = [](double a, double b, double want) {
    EXPECT_NEAR(log_beta(a, b), want, 1e-13 * std::abs(want)) << a << " " << b;
    EXPECT_EQ(log_beta(a, b), log_beta(b, a));
  };
  expect(0.5, 3, 0.064538521137571172);
  expect(2, 1e9, -41.446531674892822);
  expect(40, 60, -67.968616247482449);
  expect(1e5, 3e7, -670549.56511459854);
  expect(1e-3, 2e-3, 7.3132171044172354);
  expect(25, 26, -35.689432330680193);
}

// mpmath, tests/golden/stats/distribution_references.py.
TEST(Distributions, GiveWhatStirlingLeaves) {
  EXPECT_NEAR(stirling_error(0.3), 0.23606490074821559, 1e-15);
  EXPECT_NEAR(stirling_error(9.99), 0.0083388967977343301, 1e-14);
  EXPECT_NEAR(stirling_error(10), 0.0083305634333628713, 1e-16);
  EXPECT_NEAR(stirling_error(25), 0.0033331556367280929, 1e-17);
  EXPECT_NEAR(stirling_error(1e6), 8.3333333333330556e-8, 1e-22);
}

// SciPy 1.17.1 binom.ppf; the ends as R 4.2.2 qbinom.
TEST(Distributions, GiveBinomialQuantiles) {
  EXPECT_EQ(binomial_quantile(0.025, 20, 0.5), 6);
  EXPECT_EQ(binomial_quantile(0.975, 20, 0.5), 14);
  EXPECT_EQ(binomial_quantile(0.2, 1'000'000, 0.37), 369'594);
  EXPECT_EQ(binomial_quantile(0.5, 1, 0.5), 0);
  EXPECT_EQ(binomial_quantile(0, 5, 0.3), 0);
  EXPECT_EQ(binomial_quantile(1, 5, 0.3), 5);
}

// Section 0.6 of the specification: mpmath quadrature.
TEST(Distributions, GiveTheNoncentralT) {
  EXPECT_NEAR(noncentral_t_cdf(2, 10, 1), 0.807611562530375, 1e-12);
  EXPECT_NEAR(noncentral_t_cdf(50, 1000, 48), 0.90762327332212, 1e-11);
  EXPECT_NEAR(noncentral_t_upper_tail(2, 10, 1), 1 - 0.807611562530375, 1e-12);
  EXPECT_NEAR(noncentral_t_cdf(1.96, HUGE_VAL, 2.8), normal_cdf(1.96 - 2.8), 1e-15);
  EXPECT_EQ(noncentral_t_cdf(HUGE_VAL, 10, 1), 1);
  EXPECT_GE(noncentral_t_cdf(-1, 1000, 23), 0);
}

TEST(Distributions, GiveTheBetaDistribution) {
  EXPECT_NEAR(beta_cdf(0.25, 1, 1), 0.25, 1e-15);
  EXPECT_NEAR(beta_cdf(0.3, 2, 5) + beta_upper_tail(0.3, 2, 5), 1, 1e-15);
  EXPECT_NEAR(beta_density(0.5, 2, 2), 1.5, 1e-14);
  EXPECT_NEAR(beta_cdf(beta_quantile(0.1, 3, 4), 3, 4), 0.1, 1e-13);
}

TEST(Distributions, RefuseParametersOutOfRange) {
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] { f_upper_tail(1, 0, 3); });
  expect_error(ErrorCode::kData, "NonFiniteInput", [] { f_upper_tail(std::nan(""), 2, 3); });
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] { noncentral_t_cdf(1, 3, HUGE_VAL); });
  expect_error(ErrorCode::kUsage, "InvalidProbability", [] { binomial_quantile(1.1, 3, 0.5); });
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] { beta_cdf(1.5, 1, 1); });
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] { log_gamma(0); });
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] { log_beta(0, 1); });
  expect_error(ErrorCode::kUsage, "InvalidProbability", [] { normal_quantile(1); });
  expect_error(ErrorCode::kUsage, "InvalidProbability", [] { t_quantile(0, 3); });
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] { t_quantile(0.5, 0); });
  expect_error(ErrorCode::kData, "NonFiniteInput", [] { t_upper_tail(std::nan(""), 3); });
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] { log_choose(3, 4); });
}

}  // namespace
}  // namespace peira::stats
