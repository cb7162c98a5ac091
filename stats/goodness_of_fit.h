// Whether numbers look like draws from a known distribution.
#pragma once

#include <cstdint>
#include <span>

namespace peira::stats {

struct KolmogorovSmirnov {
  double statistic = 0;  // largest distance of the empirical distribution from the uniform one
  double p_value = 1;    // two-sided
  std::int64_t num_values = 0;
};

// Kolmogorov and Smirnov's test that `values` are independent and uniform on [0, 1], as p-values
// under their null are.
//
// cost    exact up to 4,000 values (a matrix power), asymptotic above, where both agree to 1e-4.
// throws  Error(kData) "EmptyInput"; Error(kUsage) "InvalidProbability": a value outside [0, 1].
// source  scipy.stats.kstest(values, "uniform"); R ks.test(values, "punif").
KolmogorovSmirnov uniform_test(std::span<const double> values);

// P(D_n < d) for the two-sided statistic of n uniform values.
// source  Marsaglia, Tsang and Wang (2003), Journal of Statistical Software 8(18).
double kolmogorov_cdf(double d, std::int64_t n);

}  // namespace peira::stats
