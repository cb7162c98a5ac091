#include "stats/distributions.h"

#include <algorithm>
#include <boost/math/distributions/beta.hpp>
#include <boost/math/distributions/binomial.hpp>
#include <boost/math/distributions/chi_squared.hpp>
#include <boost/math/distributions/fisher_f.hpp>
#include <boost/math/distributions/non_central_t.hpp>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <boost/math/special_functions/beta.hpp>
#include <boost/math/special_functions/gamma.hpp>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>

#include "base/error.h"

namespace peira::stats {
namespace {

// Below this a tail is computed as a logarithm directly: doubles lose digits from 1e-308 on.
constexpr double kSmallTail = 1e-290;

// Lentz' method treats a vanishing denominator as this.
constexpr double kTiny = 1e-300;
constexpr int kMaxTerms = 100'000;

[[noreturn]] void invalid(const char* what) {
  throw Error(ErrorCode::kUsage, std::string("InvalidArgument: ") + what);
}

void require_number(double value) {
  if (std::isnan(value)) throw Error(ErrorCode::kData, "NonFiniteInput: a statistic is NaN");
}

void require_df(double df) {
  if (!(df > 0) || !std::isfinite(df)) invalid("degrees of freedom must be positive and finite");
}

void require_probability(double p) {
  if (!(p > 0) || !(p < 1)) {
    throw Error(ErrorCode::kUsage, "InvalidProbability: a quantile needs 0 < p < 1");
  }
}

[[noreturn]] void no_convergence(const std::string& what) {
  throw Error(ErrorCode::kInternal, "NoConvergence: " + what);
}

// Calls into Boost and translates what it throws.
template <typename Function>
double with_boost(Function function) {
  try {
    return function();
  } catch (const std::domain_error& error) {
    throw Error(ErrorCode::kUsage, std::string("InvalidArgument: ") + error.what());
  } catch (const std::runtime_error& error) {  // overflow, evaluation and rounding errors
    no_convergence(error.what());
  }
}

// Value of a continued fraction b0 + a1/(b1 + a2/(b2 + ...)) by the modified Lentz method, where
// term(i) gives {a_i, b_i} for i >= 1.
// source  Press et al., Numerical Recipes, 3rd ed., section 5.2.
template <typename Term>
double continued_fraction(double b0, Term term) {
  double value = b0 == 0 ? kTiny : b0;
  double c = value;
  double d = 0;
  for (int i = 1; i < kMaxTerms; ++i) {
    const auto [a, b] = term(i);
    d = b + a * d;
    if (d == 0) d = kTiny;
    c = b + a / c;
    if (c == 0) c = kTiny;
    d = 1 / d;
    const double step = c * d;
    value *= step;
    if (std::abs(step - 1) < 1e-15) return value;
  }
  no_convergence("continued fraction");
}

struct Term {
  double a, b;
};

// ln I_x(a, b), the regularised incomplete beta function, for x below its turning point.
// source  DLMF 8.17.22: I_x(a,b) = x^a (1-x)^b / (a B(a,b)) * 1/(1 + d1/(1 + d2/(1 + ...)))
double log_incomplete_beta(double x, double log_x, double one_minus_x, double a, double b) {
  const double fraction = continued_fraction(1, [&](int i) {
    const int half = i / 2;
    const double m = half;
    const double d = i % 2 == 0 ? m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
                                : -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    return Term{d, 1};
  });
  return a * log_x + b * std::log(one_minus_x) - std::log(a) - log_beta(a, b) - std::log(fraction);
}

void require_beta(double x, double a, double b) {
  if (!(a > 0) || !(b > 0)) invalid("a beta distribution needs positive parameters");
  if (!(x >= 0 && x <= 1)) invalid("a beta variable lies in [0, 1]");
}

}  // namespace

double normal_cdf(double z) { return normal_upper_tail(-z); }

double normal_upper_tail(double z) {
  require_number(z);
  return 0.5 * std::erfc(z / std::numbers::sqrt2);
}

double normal_log_upper_tail(double z) {
  const double tail = normal_upper_tail(z);
  if (tail > kSmallTail) return std::log(tail);
  // ln Q(z) = -z^2/2 - ln z - ln(2 pi)/2 + ln(1 - z^-2 + 3 z^-4 - ...): asymptotic, here z > 36.
  const double inv_sq = 1 / (z * z);
  const double series =
      inv_sq * (-1 + inv_sq * (3 + inv_sq * (-15 + inv_sq * (105 - inv_sq * 945))));
  return -0.5 * z * z - std::log(z) - 0.5 * std::log(2 * std::numbers::pi) + std::log1p(series);
}

double normal_quantile(double p) {
  require_probability(p);
  return with_boost([&] { return boost::math::quantile(boost::math::normal(), p); });
}

double t_upper_tail(double t, double df) {
  require_number(t);
  require_df(df);
  if (std::isinf(t)) return t > 0 ? 0 : 1;
  return with_boost(
      [&] { return boost::math::cdf(boost::math::complement(boost::math::students_t(df), t)); });
}

double t_log_upper_tail(double t, double df) {
  const double tail = t_upper_tail(t, df);
  if (tail > kSmallTail || std::isinf(t)) return std::log(tail);
  // P(T > t) = I_x(df/2, 1/2) / 2 with x = df / (df + t^2).
  const double ratio = t * t / df;
  const double x = 1 / (1 + ratio);
  return log_incomplete_beta(x, -std::log1p(ratio), ratio * x, df / 2, 0.5) - std::numbers::ln2;
}

double t_quantile(double p, double df) {
  require_probability(p);
  require_df(df);
  return with_boost([&] { return boost::math::quantile(boost::math::students_t(df), p); });
}

double chi_squared_upper_tail(double x, double df) {
  require_number(x);
  require_df(df);
  if (x <= 0) return 1;
  if (std::isinf(x)) return 0;
  return with_boost(
      [&] { return boost::math::cdf(boost::math::complement(boost::math::chi_squared(df), x)); });
}

double chi_squared_log_upper_tail(double x, double df) {
  const double tail = chi_squared_upper_tail(x, df);
  if (tail > kSmallTail || std::isinf(x)) return std::log(tail);
  // DLMF 8.9.2: Gamma(a, z) = z^a e^-z / (z + 1 - a - 1(1-a)/(z + 3 - a - 2(2-a)/(z + 5 - a ...)))
  const double a = df / 2;
  const double z = x / 2;
  const double fraction = continued_fraction(z + 1 - a, [&](int i) {
    return Term{-i * (i - a), z + 2 * i + 1 - a};
  });
  return a * std::log(z) - z - std::log(fraction) -
         with_boost([&] { return boost::math::lgamma(a); });
}

double f_upper_tail(double f, double df1, double df2) {
  require_number(f);
  require_df(df1);
  require_df(df2);
  if (f <= 0) return 1;
  if (std::isinf(f)) return 0;
  return with_boost([&] {
    return boost::math::cdf(boost::math::complement(boost::math::fisher_f(df1, df2), f));
  });
}

double f_log_upper_tail(double f, double df1, double df2) {
  const double tail = f_upper_tail(f, df1, df2);
  if (tail > kSmallTail || std::isinf(f)) return std::log(tail);
  // P(F > f) = I_x(df2/2, df1/2) with x = df2 / (df2 + df1 f).
  const double ratio = df1 * f / df2;
  const double x = 1 / (1 + ratio);
  return log_incomplete_beta(x, -std::log1p(ratio), ratio * x, df2 / 2, df1 / 2);
}

double noncentral_t_cdf(double t, double df, double delta) {
  require_number(t);
  if (!std::isfinite(delta)) invalid("a noncentrality must be finite");
  if (std::isinf(t)) return t > 0 ? 1 : 0;
  if (std::isinf(df) && df > 0) return normal_cdf(t - delta);
  require_df(df);
  // Boost 1.74 can stray out of [0, 1] in the far tails (boostorg/math issue 1430).
  return std::clamp(
      with_boost([&] { return boost::math::cdf(boost::math::non_central_t(df, delta), t); }), 0.0,
      1.0);
}

double noncentral_t_upper_tail(double t, double df, double delta) {
  require_number(t);
  if (!std::isfinite(delta)) invalid("a noncentrality must be finite");
  if (std::isinf(t)) return t > 0 ? 0 : 1;
  if (std::isinf(df) && df > 0) return normal_upper_tail(t - delta);
  require_df(df);
  return std::clamp(
      with_boost([&] {
        return boost::math::cdf(boost::math::complement(boost::math::non_central_t(df, delta), t));
      }),
      0.0, 1.0);
}

double binomial_cdf(std::int64_t k, std::int64_t n, double p) {
  if (n < 0 || !(p >= 0 && p <= 1)) invalid("binomial needs n >= 0 and 0 <= p <= 1");
  if (k < 0) return 0;
  if (k >= n) return 1;
  return with_boost([&] {
    return boost::math::cdf(boost::math::binomial(static_cast<double>(n), p),
                            static_cast<double>(k));
  });
}

double binomial_probability(std::int64_t k, std::int64_t n, double p) {
  if (n < 0 || !(p >= 0 && p <= 1)) invalid("binomial needs n >= 0 and 0 <= p <= 1");
  if (k < 0 || k > n) return 0;
  return with_boost([&] {
    return boost::math::pdf(boost::math::binomial(static_cast<double>(n), p),
                            static_cast<double>(k));
  });
}

std::int64_t binomial_quantile(double q, std::int64_t n, double p) {
  if (n < 0 || !(p >= 0 && p <= 1)) invalid("binomial needs n >= 0 and 0 <= p <= 1");
  if (!(q >= 0 && q <= 1)) {
    throw Error(ErrorCode::kUsage, "InvalidProbability: a quantile needs 0 <= q <= 1");
  }
  // R's fuzz: a cdf that equals q but for rounding counts as having reached it.
  const double reach = q * (1 - 64 * std::numeric_limits<double>::epsilon());
  std::int64_t low = 0;
  std::int64_t high = n;
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    if (binomial_cdf(middle, n, p) >= reach) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

double beta_cdf(double x, double a, double b) {
  require_beta(x, a, b);
  return with_boost([&] { return boost::math::ibeta(a, b, x); });
}

double beta_upper_tail(double x, double a, double b) {
  require_beta(x, a, b);
  return with_boost([&] { return boost::math::ibetac(a, b, x); });
}

double beta_density(double x, double a, double b) {
  require_beta(x, a, b);
  return with_boost([&] { return boost::math::pdf(boost::math::beta_distribution<>(a, b), x); });
}

double log_gamma(double x) {
  if (!(x > 0) || !std::isfinite(x)) invalid("ln Gamma needs a positive argument");
  // Not std::lgamma: it writes a global sign, which is a race between threads.
  return with_boost([x] { return boost::math::lgamma(x); });
}

double log_beta(double a, double b) {
  if (!(a > 0) || !(b > 0)) invalid("ln B needs positive arguments");
  const double small = std::min(a, b);
  const double large = std::max(a, b);
  // B(a, b) = Gamma(a) * Gamma(b) / Gamma(a + b), the ratio taken as one function.
  if (small < 30) {
    const double ratio = with_boost([&] { return boost::math::tgamma_delta_ratio(large, small); });
    if (ratio > kSmallTail) return log_gamma(small) + std::log(ratio);
  }
  if (small >= 10) {
    // Stirling's series for all three: what cancels is taken out by hand.
    const double sum = a + b;
    return 0.5 * std::log(2 * std::numbers::pi) + (small - 0.5) * std::log(small / sum) -
           0.5 * std::log(large) - large * std::log1p(small / large) + stirling_error(small) +
           stirling_error(large) - stirling_error(sum);
  }
  return log_gamma(small) + log_gamma(large) - log_gamma(small + large);
}

double stirling_error(double x) {
  if (!(x > 0) || !std::isfinite(x)) invalid("Stirling's remainder needs a positive argument");
  if (x < 10) {
    return log_gamma(x) - ((x - 0.5) * std::log(x) - x + 0.5 * std::log(2 * std::numbers::pi));
  }
  const double inv_sq = 1 / (x * x);
  const double series =
      1.0 / 12 -
      inv_sq * (1.0 / 360 -
                inv_sq * (1.0 / 1260 -
                          inv_sq * (1.0 / 1680 - inv_sq * (1.0 / 1188 - inv_sq * (691.0 / 360360 -
                                                                                  inv_sq / 156)))));
  return series / x;
}

double beta_quantile(double p, double a, double b) {
  require_probability(p);
  if (!(a > 0) || !(b > 0)) invalid("a beta distribution needs positive parameters");
  return with_boost(
      [&] { return boost::math::quantile(boost::math::beta_distribution<>(a, b), p); });
}

double log_choose(std::int64_t n, std::int64_t k) {
  if (k < 0 || k > n) invalid("C(n, k) needs 0 <= k <= n");
  const auto log_factorial = [](std::int64_t i) { return log_gamma(static_cast<double>(i) + 1); };
  return log_factorial(n) - log_factorial(k) - log_factorial(n - k);
}

PValue t_p_value(double t, double df, Alternative alternative) {
  if (alternative == Alternative::kTwoSided) {
    const double tail = std::fmin(1.0, 2 * t_upper_tail(std::abs(t), df));
    const double log_tail = t_log_upper_tail(std::abs(t), df) + std::numbers::ln2;
    return {tail, std::fmin(0.0, log_tail / std::numbers::ln10)};
  }
  const double directed = alternative == Alternative::kGreater ? t : -t;
  return {t_upper_tail(directed, df), t_log_upper_tail(directed, df) / std::numbers::ln10};
}

PValue normal_p_value(double z, Alternative alternative) {
  if (alternative == Alternative::kTwoSided) {
    const double tail = std::fmin(1.0, 2 * normal_upper_tail(std::abs(z)));
    const double log_tail = normal_log_upper_tail(std::abs(z)) + std::numbers::ln2;
    return {tail, std::fmin(0.0, log_tail / std::numbers::ln10)};
  }
  const double directed = alternative == Alternative::kGreater ? z : -z;
  return {normal_upper_tail(directed), normal_log_upper_tail(directed) / std::numbers::ln10};
}

PValue chi_squared_p_value(double x, double df) {
  return {chi_squared_upper_tail(x, df), chi_squared_log_upper_tail(x, df) / std::numbers::ln10};
}

PValue f_p_value(double f, double df1, double df2) {
  return {f_upper_tail(f, df1, df2), f_log_upper_tail(f, df1, df2) / std::numbers::ln10};
}

}  // namespace peira::stats
