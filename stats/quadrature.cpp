#include "stats/quadrature.h"

#include <boost/math/quadrature/tanh_sinh.hpp>
#include <cmath>
#include <numbers>

#include "stats/detail/checks.h"

namespace peira::stats {

double integrate(const std::function<double(double)>& f, double a, double b) {
  if (!(a < b) || !std::isfinite(a) || !std::isfinite(b)) {
    detail::invalid_argument("an integral needs finite limits in order");
  }
  try {
    // Its tables take longer to make than most integrals; safe to share between threads.
    static boost::math::quadrature::tanh_sinh<double> rule(10);
    return rule.integrate(f, a, b, 1e-13);
  } catch (const Error&) {  // of the function itself
    throw;
  } catch (const std::exception& error) {
    detail::no_convergence(error.what());
  }
}

GaussLegendre gauss_legendre(std::size_t n) {
  if (n < 1) detail::invalid_argument("a quadrature rule needs a node");
  GaussLegendre rule{std::vector<double>(n), std::vector<double>(n)};
  const double size = static_cast<double>(n);
  for (std::size_t i = 0; i < (n + 1) / 2; ++i) {
    double x = std::cos(std::numbers::pi * (static_cast<double>(i) + 0.75) / (size + 0.5));
    double slope = 0;
    for (int step = 0; step < 100; ++step) {
      double value = 1;     // P_k(x)
      double previous = 0;  // P_{k-1}(x)
      for (std::size_t k = 1; k <= n; ++k) {
        const double order = static_cast<double>(k);
        const double next = ((2 * order - 1) * x * value - (order - 1) * previous) / order;
        previous = value;
        value = next;
      }
      slope = size * (x * value - previous) / (x * x - 1);
      const double shift = value / slope;
      x -= shift;
      if (std::abs(shift) < 1e-15) break;
    }
    const double weight = 2 / ((1 - x * x) * slope * slope);
    rule.nodes[i] = -x;
    rule.weights[i] = weight;
    rule.nodes[n - 1 - i] = x;
    rule.weights[n - 1 - i] = weight;
  }
  if (n % 2 == 1) rule.nodes[n / 2] = 0;
  return rule;
}

}  // namespace peira::stats
