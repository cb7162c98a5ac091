// Tails and quantiles of the distributions our procedures need. The only place that calls
// Boost.Math. Upper tails are computed as such, never as 1 - cdf, and have a log form that does not
// underflow.
#pragma once

#include <cstdint>

namespace peira::stats {

// All throw Error(kUsage) "InvalidArgument" or "InvalidProbability" for parameters out of range and
// Error(kInternal) "NoConvergence" when the library gives up.

double normal_cdf(double z);
double normal_upper_tail(double z);      // P(Z > z)
double normal_log_upper_tail(double z);  // its natural logarithm, finite for every finite z
double normal_quantile(double p);        // 0 < p < 1

double t_upper_tail(double t, double df);      // df > 0, need not be whole
double t_log_upper_tail(double t, double df);  // natural logarithm
double t_quantile(double p, double df);

double chi_squared_upper_tail(double x, double df);
double chi_squared_log_upper_tail(double x, double df);  // natural logarithm

// P(F > f), F distributed with df1 and df2 degrees of freedom; neither need be whole.
double f_upper_tail(double f, double df1, double df2);
double f_log_upper_tail(double f, double df1, double df2);  // natural logarithm

// Noncentral t: T = (Z + delta) / sqrt(chi2_df / df). Right in the body; tails below 1e-14 are not
// to be interpreted. Infinite df gives the normal distribution around delta.
double noncentral_t_cdf(double t, double df, double delta);
double noncentral_t_upper_tail(double t, double df, double delta);

// P(X <= k) and P(X = k) for X ~ Binomial(n, p).
double binomial_cdf(std::int64_t k, std::int64_t n, double p);
double binomial_probability(std::int64_t k, std::int64_t n, double p);

// Smallest k with P(X <= k) >= q, as R qbinom; 0 <= q <= 1.
std::int64_t binomial_quantile(double q, std::int64_t n, double p);

double beta_cdf(double x, double a, double b);         // 0 <= x <= 1
double beta_upper_tail(double x, double a, double b);  // P(X > x)
double beta_density(double x, double a, double b);
double beta_quantile(double p, double a, double b);

// ln Gamma(x), x > 0, and ln B(a, b), a and b > 0, the latter without the cancellation of three
// large logarithms.
double log_gamma(double x);
double log_beta(double a, double b);
// What Stirling's formula leaves: ln Gamma(x) - [(x - 1/2) ln x - x + ln(2 pi)/2], about 1/(12 x).
double stirling_error(double x);

// ln C(n, k), 0 <= k <= n.
double log_choose(std::int64_t n, std::int64_t k);

// A p-value together with its decimal logarithm, which stays finite where the value itself
// underflows.
struct PValue {
  double value = 1;
  double log10 = 0;
};

enum class Alternative { kTwoSided, kGreater, kLess };  // kGreater: b > a, or mean > null

PValue t_p_value(double t, double df, Alternative alternative = Alternative::kTwoSided);
PValue normal_p_value(double z, Alternative alternative = Alternative::kTwoSided);
PValue chi_squared_p_value(double x, double df);     // upper tail
PValue f_p_value(double f, double df1, double df2);  // upper tail

}  // namespace peira::stats
