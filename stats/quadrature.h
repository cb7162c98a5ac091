// Integrals of functions of one number.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

namespace peira::stats {

// int_a^b f, a < b both finite; f may be singular at an end, and is evaluated between them only.
// throws  Error(kInternal) "NoConvergence".
// source  tanh-sinh quadrature, Takahasi and Mori (1974).
double integrate(const std::function<double(double)>& f, double a, double b);

// Nodes in (-1, 1), rising, and weights of Gauss and Legendre's rule: int_{-1}^{1} f is
// sum weights[i] f(nodes[i]), exact for polynomials of degree 2 n - 1.
struct GaussLegendre {
  std::vector<double> nodes;
  std::vector<double> weights;
};

// source  Newton's method on the Legendre polynomial P_n; weights 2 / ((1 - x^2) P_n'(x)^2).
// throws  Error(kUsage) "InvalidArgument": n < 1.
GaussLegendre gauss_legendre(std::size_t n);

}  // namespace peira::stats
