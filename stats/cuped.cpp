#include "stats/cuped.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "stats/detail/checks.h"

namespace peira::stats {
namespace {

constexpr double kImbalance = 0.001;  // as for a sample ratio mismatch: looked at in every analysis

// All units of an arm, those without a covariate given the mean one.
PairedMoments with_mean_covariate(const CupedArm& arm, double mean_covariate) {
  PairedMoments all = arm.known;
  const std::int64_t missing = arm.unknown.count();
  if (missing > 0) all.merge(PairedMoments(arm.unknown, Moments(missing, mean_covariate, 0), 0));
  return all;
}

double slope(const PairedMoments& a, const PairedMoments& b, CupedSlope kind) {
  if (kind == CupedSlope::kWithin) {
    return (a.sum_of_products() + b.sum_of_products()) /
           (a.b().sum_squared_deviations() + b.b().sum_squared_deviations());
  }
  PairedMoments all = a;
  all.merge(b);
  return all.sum_of_products() / all.b().sum_squared_deviations();
}

// Moments of y - theta (x - centre).
Moments adjusted(const PairedMoments& arm, double theta, double centre) {
  const double squares = arm.a().sum_squared_deviations() - 2 * theta * arm.sum_of_products() +
                         theta * theta * arm.b().sum_squared_deviations();
  return Moments(arm.a().count(), arm.a().mean() - theta * (arm.b().mean() - centre),
                 std::max(0.0, squares));
}

// Whether numbers of this mean vary by more than rounding lets equal ones.
bool varies(const Moments& values) {
  const double noise = 4 * std::numeric_limits<double>::epsilon() * std::abs(values.mean());
  return values.sum_squared_deviations() > noise * noise * static_cast<double>(values.count());
}

// Empty when both arms are constant and differ: no standard error measures that.
std::optional<TTest> balance_test(const Moments& a, const Moments& b, TestOptions options) {
  options.alternative = Alternative::kTwoSided;
  if (!varies(a) && !varies(b) && a.mean() != b.mean()) return std::nullopt;
  return welch_t_test(a, b, options);
}

}  // namespace

void CupedArm::merge(const CupedArm& other) {
  known.merge(other.known);
  unknown.merge(other.unknown);
}

CupedResult cuped(const CupedArm& a, const CupedArm& b, const CupedOptions& options) {
  detail::require_count(a.known.a().count(), 2, "units of arm a with a covariate");
  detail::require_count(b.known.a().count(), 2, "units of arm b with a covariate");
  Moments covariates = a.known.b();
  covariates.merge(b.known.b());
  const double centre = covariates.mean();
  const PairedMoments all_a = with_mean_covariate(a, centre);
  const PairedMoments all_b = with_mean_covariate(b, centre);

  CupedResult result;
  result.num_without_covariate = a.unknown.count() + b.unknown.count();
  result.raw = welch_t_test(all_a.a(), all_b.a(), options.test);
  result.balance = balance_test(a.known.b(), b.known.b(), options.test);
  const bool constant = options.slope == CupedSlope::kWithin
                            ? !varies(all_a.b()) && !varies(all_b.b())
                            : !varies(covariates);
  if (constant) {
    result.warnings.emplace_back("constant_covariate");
  } else {
    result.theta = slope(all_a, all_b, options.slope);
  }
  if (!result.balance || result.balance->p.value < kImbalance) {
    result.warnings.emplace_back("covariate_imbalance");
  }

  const Moments adjusted_a = adjusted(all_a, result.theta, centre);
  const Moments adjusted_b = adjusted(all_b, result.theta, centre);
  result.adjusted_mean_a = adjusted_a.mean();
  result.adjusted_mean_b = adjusted_b.mean();
  result.adjusted = welch_t_test(adjusted_a, adjusted_b, options.test);
  if (result.raw.std_error > 0) {
    const double shrink = result.adjusted.std_error / result.raw.std_error;
    result.variance_reduction = 1 - shrink * shrink;
  }
  return result;
}

CupedResult cuped(std::span<const double> outcomes_a, std::span<const double> covariates_a,
                  std::span<const double> outcomes_b, std::span<const double> covariates_b,
                  const CupedOptions& options) {
  detail::require_same_length(outcomes_a.size(), covariates_a.size(),
                              "outcomes and covariates of arm a");
  detail::require_same_length(outcomes_b.size(), covariates_b.size(),
                              "outcomes and covariates of arm b");
  CupedArm a, b;
  for (std::size_t i = 0; i < outcomes_a.size(); ++i) a.add(outcomes_a[i], covariates_a[i]);
  for (std::size_t i = 0; i < outcomes_b.size(); ++i) b.add(outcomes_b[i], covariates_b[i]);
  return cuped(a, b, options);
}

}  // namespace peira::stats
