#include "stats/quadrature.h"

#include <cmath>
#include <numbers>

#include "tests/stats/errors.h"

namespace peira::stats {
namespace {

TEST(Integrate, KnowsSimpleIntegrals) {
  EXPECT_NEAR(integrate([](double x) { return x * x; }, 0, 3), 9, 1e-12);
  EXPECT_NEAR(integrate([](double x) { return 1 / std::sqrt(x); }, 0, 4), 4, 1e-12);
  EXPECT_NEAR(integrate([](double x) { return std::exp(-x * x / 2); }, -9, 9),
              std::sqrt(2 * std::numbers::pi), 1e-12);
  expect_error(ErrorCode::kUsage, "InvalidArgument",
               [] { integrate([](double) { return 1.0; }, 2, 1); });
}

// numpy.polynomial.legendre.leggauss(5): 0.906179845938664, 0.236926885056189.
TEST(GaussLegendre, HasItsNodesAndWeights) {
  const GaussLegendre rule = gauss_legendre(5);
  EXPECT_NEAR(rule.nodes[4], 0.906179845938664, 1e-15);
  EXPECT_NEAR(rule.weights[4], 0.236926885056189, 1e-15);
  EXPECT_EQ(rule.nodes[2], 0);
  expect_error(ErrorCode::kUsage, "InvalidArgument", [] { gauss_legendre(0); });
}

TEST(GaussLegendre, IsExactForPolynomials) {
  for (const std::size_t n : {1u, 2u, 7u, 64u, 96u}) {
    const GaussLegendre rule = gauss_legendre(n);
    for (std::size_t power = 0; power < 2 * n; power += 2) {
      double sum = 0;
      for (std::size_t i = 0; i < n; ++i) {
        sum += rule.weights[i] * std::pow(rule.nodes[i], static_cast<double>(power));
      }
      EXPECT_NEAR(sum, 2 / static_cast<double>(power + 1), 1e-13) << n << " " << power;
    }
  }
}

}  // namespace
}  // namespace peira::stats
