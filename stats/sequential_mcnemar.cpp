#include "stats/sequential_mcnemar.h"

#include <cmath>
#include <numbers>
#include <string>

#include "stats/detail/checks.h"
#include "stats/root_finding.h"

namespace peira::stats {

SequentialMcNemar::SequentialMcNemar(double a) : a_(a) {
  if (!(a > 0) || !std::isfinite(a)) {
    detail::invalid_argument("a beta parameter of " + std::to_string(a));
  }
}

void SequentialMcNemar::add(bool a_right, bool b_right) {
  only_a_ += a_right && !b_right ? 1 : 0;
  only_b_ += b_right && !a_right ? 1 : 0;
}

void SequentialMcNemar::add_discordant(std::int64_t only_a, std::int64_t only_b) {
  if (only_a < 0 || only_b < 0) {
    detail::invalid_argument("counts of " + std::to_string(only_a) + " and " +
                             std::to_string(only_b));
  }
  only_a_ += only_a;
  only_b_ += only_b;
}

double SequentialMcNemar::log_e() const {
  if (only_a_ + only_b_ == 0) return 0;
  const auto s = static_cast<double>(only_b_);
  const auto f = static_cast<double>(only_a_);
  return log_beta(a_ + s, a_ + f) - log_beta(a_, a_) + (s + f) * std::numbers::ln2;
}

PValue SequentialMcNemar::p() const {
  const double log_e = this->log_e();
  if (log_e <= 0) return {};
  return {.value = std::exp(-log_e), .log10 = -log_e / std::numbers::ln10};
}

Interval SequentialMcNemar::share_interval(double alpha) const {
  detail::require_open_unit(alpha, "alpha");
  if (only_a_ + only_b_ == 0) return {0, 1};
  const auto s = static_cast<double>(only_b_);
  const auto f = static_cast<double>(only_a_);
  const double constant = log_beta(a_ + s, a_ + f) - log_beta(a_, a_) + std::log(alpha);
  // Above 0 for shares that are ruled out; convex, least at s / (s + f).
  const auto excess = [&](double p) {
    const double won = s == 0 ? 0 : s * std::log(p);
    const double lost = f == 0 ? 0 : f * std::log1p(-p);
    return constant - won - lost;
  };
  const double best = s / (s + f);
  if (excess(best) >= 0) return {best, best};
  constexpr double kLeast = 1e-300;
  // Close to 0 or 1 the logarithm is without bound, so that the ends bracket a root.
  return {s == 0 ? 0 : find_root(excess, kLeast, best),
          f == 0 ? 1 : 1 - find_root([&](double q) { return excess(1 - q); }, 0x1p-53, 1 - best)};
}

}  // namespace peira::stats
