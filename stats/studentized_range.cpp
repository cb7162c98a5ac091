#include "stats/studentized_range.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "stats/detail/checks.h"
#include "stats/distributions.h"
#include "stats/quadrature.h"
#include "stats/root_finding.h"

namespace peira::stats {
namespace {

constexpr std::size_t kNodes = 16;

// Composite Gauss-Legendre over [low, high], panels no wider than `width`.
template <typename Function>
double panels(const Function& f, double low, double high, double width) {
  static const GaussLegendre rule = gauss_legendre(kNodes);
  const int count = std::max(1, static_cast<int>(std::ceil((high - low) / width)));
  const double half = (high - low) / count / 2;
  double sum = 0;
  for (int panel = 0; panel < count; ++panel) {
    const double middle = low + (2 * panel + 1) * half;
    double part = 0;
    for (std::size_t i = 0; i < kNodes; ++i) {
      part += rule.weights[i] * f(middle + half * rule.nodes[i]);
    }
    sum += half * part;
  }
  return sum;
}

// 1 - W(w): chance that the range of k standard normal numbers exceeds w. The two powers are
// subtracted before they are integrated, as a^m (1 - (1 - c/a)^m): nothing cancels.
double range_upper_tail(double w, double k) {
  if (w <= 0) return 1;
  if (w > 60) return 0;  // below 1e-370 whatever k
  const double m = k - 1;
  // Below -6.5 the density times Phi adds nothing to a double; far out the integrand peaks at w
  // / 2.
  constexpr double kLow = -6.5;
  const double high = std::max(8.5, w / 2 + 7);
  const double width = k <= 20 ? 2.5 : 1.5;  // the maximum of many numbers varies less
  const double sum = panels(
      [&](double z) {
        const double below = normal_cdf(z);             // a
        const double beyond = normal_cdf(z - w);        // c <= a
        const double density = std::exp(-0.5 * z * z);  // times sqrt(2 pi)
        if (below == 0) return 0.0;
        return density * std::pow(below, m) * -std::expm1(m * std::log1p(-beyond / below));
      },
      kLow, high, width);
  return std::min(1.0, k / std::sqrt(2 * std::numbers::pi) * sum);
}

// Density of chi_df / sqrt(df) at s > 0: large logarithms are joined before they can cancel.
double chi_density(double s, double df) {
  const double a = df / 2;
  const double u = (s - 1) * (s + 1);  // s^2 - 1
  const double bend = u > -0.5 && u < 0.5 ? std::log1p(u) - u : 2 * std::log(s) - u;
  return std::exp(std::numbers::ln2 + 0.5 * std::log(a / (2 * std::numbers::pi)) -
                  stirling_error(a) + a * bend) /
         s;
}

void require_parameters(double k, double df) {
  if (!(k >= 2) || k != std::floor(k) || !(k <= 1e6)) {
    detail::invalid_argument("a studentized range needs two means or more, has " +
                             std::to_string(k));
  }
  if (!(df >= 1)) {
    detail::invalid_argument("a studentized range needs one degree of freedom or more, has " +
                             std::to_string(df));
  }
}

}  // namespace

double studentized_range_upper_tail(double q, double k, double df) {
  require_parameters(k, df);
  if (std::isnan(q)) throw StatsError("NonFiniteInput", "a studentized range is NaN");
  if (q <= 0) return 1;
  if (q > 1e150) return 0;  // below 1e-140 whatever df, and q^2 must not overflow
  // Beyond this the estimate of the standard deviation is as good as known: the difference is of
  // order 1 / df.
  if (std::isinf(df) || df > 1e14) return range_upper_tail(q, k);

  const auto integrand = [&](double s) { return chi_density(s, df) * range_upper_tail(q * s, k); };
  // 1 - W(w) <= min(1, C exp(-w^2/4)) with C = k (k - 1) / 2, so the integrand is made where s is
  // near the mode of s^df exp(-df s^2/2 - q^2 s^2/4), which rules far out, or near 1, which rules
  // near the centre, and falls at least as fast as a normal density beyond.
  const double stretch = 1 + q * q / (2 * df);
  const double mode = 1 / std::sqrt(stretch);
  const double sd = 1 / std::sqrt(2 * df);
  const double sd_mode = sd / std::sqrt(stretch);
  const double low = std::max(0.0, mode - 10 * sd_mode);
  const double bend = 2 * std::sqrt(std::log(k * (k - 1))) / q;  // from here on the bound is < 1
  const double high = std::min(1 + 11 * sd, std::max(mode, bend) + 13 * sd_mode);
  const double width = 3 * sd_mode;
  if (low > 0) return std::min(1.0, panels(integrand, low, high, width));
  // s^(df - 1) need not be smooth at 0.
  const double first = std::min(mode / 2, width);
  return std::min(1.0, integrate(integrand, 0, first) + panels(integrand, first, high, width));
}

double studentized_range_quantile(double p, double k, double df) {
  require_parameters(k, df);
  detail::require_open_unit(p, "a quantile's probability");
  double high = 4;
  while (studentized_range_upper_tail(high, k, df) > 1 - p) {
    high *= 2;
    if (high > 1e9) detail::no_convergence("a quantile of the studentized range beyond 1e9");
  }
  return find_root([&](double q) { return 1 - p - studentized_range_upper_tail(q, k, df); },
                   high == 4 ? 0 : high / 2, high);
}

}  // namespace peira::stats
