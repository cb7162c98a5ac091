// Standard error of a difference of two independent estimates and its degrees of freedom.
#pragma once

#include <cmath>

#include "stats/moments.h"

namespace peira::stats::detail {

struct WelchError {
  double std_error = 0;
  double df = 0;
};

// variance_a, variance_b: of the estimates; df_a, df_b: what they were estimated with.
// source  Welch (1947): df = (va + vb)^2 / (va^2 / dfa + vb^2 / dfb)
inline WelchError welch_error(double variance_a, double df_a, double variance_b, double df_b) {
  const double variance = variance_a + variance_b;
  // Shares of the variance keep tiny variances from underflowing when squared.
  const double share_a = variance > 0 ? variance_a / variance : 0.5;
  const double share_b = variance > 0 ? variance_b / variance : 0.5;
  return {std::sqrt(variance), 1 / (share_a * share_a / df_a + share_b * share_b / df_b)};
}

// Of two means; both arms hold two values or more.
inline WelchError welch_error(const Moments& a, const Moments& b) {
  const double n_a = static_cast<double>(a.count());
  const double n_b = static_cast<double>(b.count());
  return welch_error(*a.variance() / n_a, n_a - 1, *b.variance() / n_b, n_b - 1);
}

}  // namespace peira::stats::detail
