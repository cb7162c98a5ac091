// Quantiles of measured values (latency at p50, p95) with an interval that asks nothing of their
// distribution.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace peira::stats {

// Quantile by linear interpolation of the sorted values, R's and numpy's default (type 7):
// h = (n - 1) p.
// throws  Error(kData): "EmptyInput", "NonFiniteInput"; Error(kUsage) "InvalidProbability": p
//         outside [0, 1].
double quantile(std::span<const double> values, double p);
// Of values already sorted, which is not checked.
double sorted_quantile(std::span<const double> sorted, double p);

struct QuantileInterval {
  double estimate = 0;  // type 7
  // Ranks of the limits among the sorted values, from 1; 0 and n + 1 stand for the infinities.
  std::int64_t low_rank = 0;
  std::int64_t high_rank = 0;
  double low = 0;   // value of that rank, or -infinity
  double high = 0;  // or +infinity
  double coverage =
      0;  // exact chance that the limits hold the quantile of a continuous distribution
};

// Distribution-free interval of the p-quantile from order statistics.
//
// p       0 < p < 1.
// throws  as quantile; Error(kUsage) "InvalidProbability".
// source  ranks qbinom(alpha/2; n, p) and qbinom(1 - alpha/2; n, p) + 1; coverage is
//         P(low_rank <= Binomial(n, p) <= high_rank - 1). David and Nagaraja, Order
//         Statistics, 7.1.
QuantileInterval quantile_interval(std::span<const double> values, double p,
                                   double confidence = 0.95);

// Values with everything above the p-quantile of `pooled` set to it (winsorised). The cap belongs
// to a metric's definition: take it from the data of all arms. throws  as quantile.
std::vector<double> cap_at_quantile(std::span<const double> values, std::span<const double> pooled,
                                    double p);

}  // namespace peira::stats
