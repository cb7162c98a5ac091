#include "stats/bayesian.h"

#include <cmath>
#include <vector>

#include "stats/distributions.h"
#include "stats/random.h"
#include "tests/stats/errors.h"

namespace peira::stats {
namespace {

// The closed form for a whole b.a:
// sum_{i < b.a} B(a.a + i, a.b + b.b) / [(b.b + i) B(1 + i, b.b) B(a.a, a.b)].
double closed_form(const BetaDistribution& a, const BetaDistribution& b) {
  double sum = 0;
  for (int i = 0; i < static_cast<int>(b.a); ++i) {
    sum += std::exp(log_beta(a.a + i, a.b + b.b) - log_beta(1 + i, b.b) - log_beta(a.a, a.b)) /
           (b.b + i);
  }
  return sum;
}

TEST(CompareShares, AgreesWithTheClosedForm) {
  const std::vector<std::pair<BetaDistribution, BetaDistribution>> pairs{
      {{6, 16}, {12, 10}},         {{121, 881}, {146, 856}}, {{1, 1}, {1, 1}},
      {{3, 2}, {40, 900}},         {{0.5, 7.5}, {4, 5}},     {{900, 100}, {2, 90}},
      {{5001, 5001}, {5101, 4901}}};
  for (const auto& [a, b] : pairs) {
    const double want = closed_form(a, b);
    const double got = compare_shares(a, b).chance_to_beat;
    EXPECT_NEAR(got, want, 1e-10 * want) << a.a << " " << a.b << " " << b.a << " " << b.b;
  }
}

// E[max(B - A, 0)] - E[max(A - B, 0)] = E[B] - E[A], whatever the parameters.
TEST(CompareShares, HasLossesThatDifferByTheMeans) {
  const std::vector<std::pair<BetaDistribution, BetaDistribution>> pairs{
      {{0.5, 0.5}, {0.5, 0.5}},
      {{0.5, 30.5}, {20.5, 0.5}},
      {{1e6, 3e6}, {1.001e6, 3e6}},
      {{0.1, 0.1}, {2, 3}},
      {{1e8, 1e8}, {1e8, 1e8}}};
  for (const auto& [a, b] : pairs) {
    const BayesianComparison got = compare_shares(a, b);
    EXPECT_NEAR(got.expected_loss_choose_a - got.expected_loss_choose_b, b.mean() - a.mean(), 1e-12)
        << a.a << " " << b.a;
    EXPECT_NEAR(got.chance_to_beat + compare_shares(b, a).chance_to_beat, 1, 1e-11);
  }
  EXPECT_NEAR(compare_shares({0.5, 0.5}, {0.5, 0.5}).chance_to_beat, 0.5, 1e-12);
}

// A million users an arm: nearly normal, P = Phi(gap / sd) to the skewness.
TEST(CompareShares, IsNearlyNormalForLargeCounts) {
  const BetaDistribution a{100'001, 900'001};
  const BetaDistribution b{100'601, 899'401};
  const double sd = std::sqrt((0.1 * 0.9 + 0.1006 * 0.8994) / 1e6);
  EXPECT_NEAR(compare_shares(a, b).chance_to_beat, normal_cdf(0.0006 / sd), 1e-4);
}

TEST(BetaDistribution, IsUpdatedByCounts) {
  const BetaDistribution posterior = BetaDistribution{2, 8}.updated(3, 12);
  EXPECT_EQ(posterior.a, 5);
  EXPECT_EQ(posterior.b, 17);
  EXPECT_NEAR(beta_cdf(posterior.interval(0.9).high, 5, 17), 0.95, 1e-12);
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] { BetaDistribution{}.updated(4, 3); });
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] {
    (BetaDistribution{0, 1}).updated(1, 3);
  });
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] { compare_shares({1, NAN}, {1, 1}); });
}

// mpmath, tests/golden/stats/bayesian_references.py: phi(z) - z Q(z).
TEST(NormalPosterior, KeepsTheDigitsOfSmallLosses) {
  const auto loss = [](double z) {
    return normal_posterior(z, 1).comparison.expected_loss_choose_b;
  };
  EXPECT_NEAR(loss(-3.0) / 3.0003821543170477, 1, 1e-13);
  EXPECT_NEAR(loss(0.5) / 0.19779655740130603, 1, 1e-13);
  EXPECT_NEAR(loss(1.99) / 0.0087209215492042432, 1, 1e-13);
  EXPECT_NEAR(loss(2.0) / 0.0084907026168296375, 1, 1e-13);
  EXPECT_NEAR(loss(6.0) / 1.5635697959709664e-10, 1, 1e-13);
  EXPECT_NEAR(loss(20.0) / 1.3700124947295799e-90, 1, 1e-13);
  EXPECT_NEAR(loss(35.0) / 3.2088044826024768e-270, 1, 1e-13);
}

TEST(NormalPosterior, IsCertainWithoutAStandardError) {
  EXPECT_EQ(normal_posterior(0.1, 0).comparison.chance_to_beat, 1);
  EXPECT_EQ(normal_posterior(0, 0).comparison.chance_to_beat, 0.5);
  EXPECT_EQ(normal_posterior(-0.1, 0).comparison.chance_to_beat, 0);
  EXPECT_EQ(normal_posterior(-0.1, 0).comparison.expected_loss_choose_b, 0.1);
  const NormalPosterior got = normal_posterior(-0.1, 0, NormalPrior{3, 1});
  EXPECT_EQ(got.mean, -0.1);
  EXPECT_EQ(got.std_dev, 0);
}

TEST(NormalPosterior, RefusesWhatIsNoPosterior) {
  expect_error(ErrorCode::kData, "NonFiniteInput", [] { normal_posterior(NAN, 1); });
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] { normal_posterior(0, -1); });
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] {
    normal_posterior(0, 1, NormalPrior{0, 0});
  });
}

// Arms drawn from the prior, data from the arms: among comparisons that give B a chance near c, B
// is the better one in a share near c.
TEST(CompareShares, IsCalibrated) {
  Random random(11);
  double said = 0;
  int right = 0;
  constexpr int kStudies = 800;
  for (int study = 0; study < kStudies; ++study) {
    const double p_a = random.uniform();
    const double p_b = random.uniform();
    int x_a = 0;
    int x_b = 0;
    for (int i = 0; i < 10; ++i) {
      x_a += random.uniform() < p_a;
      x_b += random.uniform() < p_b;
    }
    const double chance =
        compare_shares(BetaDistribution{}.updated(x_a, 10), BetaDistribution{}.updated(x_b, 10))
            .chance_to_beat;
    said += std::max(chance, 1 - chance);
    right += (p_b > p_a) == (chance > 0.5) || chance == 0.5;
  }
  EXPECT_NEAR(right / static_cast<double>(kStudies), said / kStudies, 0.05);
}

}  // namespace
}  // namespace peira::stats
