#include "evals/level_change.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "stats/distributions.h"

namespace peira::evals {
namespace {

// 0.95 quantile of the likelihood ratio of a change point, (1 - exp(-x/2))^2.
constexpr double kPlausible = 7.352276752;

// levels = a + b g by least squares, g what a shape says of each night.
struct Fit {
  std::size_t position = 0;
  double size = 0;        // b times the regressor at the last night
  double squares = 0;     // left over
  double unit_error = 0;  // standard error of `size` when a night's is 1
};

template <typename Regressor>
Fit fit_at(std::span<const double> levels, std::size_t position, Regressor regressor) {
  const auto n = static_cast<double>(levels.size());
  double mean_x = 0, mean_g = 0;
  for (std::size_t i = 0; i < levels.size(); ++i) {
    mean_x += levels[i] / n;
    mean_g += regressor(i) / n;
  }
  double sxx = 0, sgg = 0, sxg = 0;
  for (std::size_t i = 0; i < levels.size(); ++i) {
    const double x = levels[i] - mean_x;
    const double g = regressor(i) - mean_g;
    sxx += x * x;
    sgg += g * g;
    sxg += x * g;
  }
  const double last = regressor(levels.size() - 1);
  const double slope = sxg / sgg;
  return {position, slope * last, std::max(0.0, sxx - slope * sxg), last / std::sqrt(sgg)};
}

}  // namespace

std::optional<ChangeFit> fit_change(std::span<const double> levels, const ChangeOptions& options) {
  const std::size_t n = levels.size();
  if (n < 4) return std::nullopt;
  const std::size_t last = std::min(options.last_candidate.value_or(n - 1), n - 1);
  std::vector<Fit> steps, slopes;
  for (std::size_t k = 1; k <= last; ++k) {
    steps.push_back(fit_at(levels, k, [k](std::size_t i) { return i < k ? 0.0 : 1.0; }));
  }
  // A slope of one night is a step.
  for (std::size_t k = 0; k <= last && k + 2 < n; ++k) {
    slopes.push_back(fit_at(
        levels, k, [k](std::size_t i) { return i <= k ? 0.0 : static_cast<double>(i - k); }));
  }
  const auto goes_wrong = [&](const Fit& fit) { return fit.size * options.direction <= 0; };
  std::erase_if(steps, goes_wrong);
  std::erase_if(slopes, goes_wrong);
  const auto best_of = [](const std::vector<Fit>& fits) {
    return std::min_element(fits.begin(), fits.end(),
                            [](const Fit& a, const Fit& b) { return a.squares < b.squares; });
  };
  if (steps.empty() && slopes.empty()) return std::nullopt;

  ChangeFit change;
  change.gradual =
      steps.empty() || (!slopes.empty() && best_of(slopes)->squares < best_of(steps)->squares);
  const Fit& best = *best_of(change.gradual ? slopes : steps);
  const double df = static_cast<double>(n - 3);
  const double variance = std::max(best.squares / df, options.least_variance);
  const double quantile = stats::t_quantile(0.975, df);
  change.position = change.earliest = change.latest = best.position;
  change.size = change.low = change.high = best.size;
  // Which shape it is, is as uncertain as where it begins.
  const auto widen = [&](const Fit& fit) {
    if (fit.squares > best.squares + kPlausible * variance) return;
    change.earliest = std::min(change.earliest, fit.position);
    change.latest = std::max(change.latest, fit.position);
    const double half = quantile * fit.unit_error * std::sqrt(variance);
    change.low = std::min(change.low, fit.size - half);
    change.high = std::max(change.high, fit.size + half);
  };
  std::for_each(steps.begin(), steps.end(), widen);
  std::for_each(slopes.begin(), slopes.end(), widen);
  return change;
}

}  // namespace peira::evals
