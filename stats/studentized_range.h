// Distribution of the studentized range: the largest gap between k normal means over an estimate of
// their standard deviation, which Tukey's tests read their p-values from.
#pragma once

namespace peira::stats {

// P(Q > q) for k means and df degrees of freedom, right to about 1e-12 of itself also far out.
//
// k, df   k >= 2 and whole; df >= 1, infinite for a known standard deviation.
// throws  Error(kUsage) "InvalidArgument"; Error(kData) "NonFiniteInput": q is NaN.
// cost    about a millisecond: two nested integrals.
// source  P(Q > q) = int_0^inf f(s) [1 - W(q s)] ds, f the density of chi_df / sqrt(df),
//         W(w) = k int phi(z) [Phi(z) - Phi(z - w)]^(k-1) dz. R ptukey, scipy studentized_range.
double studentized_range_upper_tail(double q, double k, double df);

// q with P(Q <= q) = p, 0 < p < 1. R qtukey. throws  also Error(kUsage) "InvalidProbability".
double studentized_range_quantile(double p, double k, double df);

}  // namespace peira::stats
