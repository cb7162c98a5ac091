#include "stats/two_proportions.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "stats/detail/checks.h"
#include "stats/root_finding.h"

namespace peira::stats {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

void require_arm(std::int64_t successes, std::int64_t trials, const char* arm) {
  if (trials < 0 || successes < 0 || successes > trials) {
    detail::invalid_argument("arm " + std::string(arm) + " has " + std::to_string(successes) +
                             " successes of " + std::to_string(trials) + " trials");
  }
  if (trials == 0) detail::empty_input("arm " + std::string(arm) + " has no trials");
}

void require_counts(const ProportionCounts& counts) {
  require_arm(counts.successes_a, counts.trials_a, "a");
  require_arm(counts.successes_b, counts.trials_b, "b");
}

// count / share, and 0 for no count whatever the share.
double per(double count, double share) { return count == 0 ? 0 : count / share; }

// The share of a under which, with b's `difference` higher, the counts are most likely.
double constrained_share(const ProportionCounts& counts, double difference) {
  const double xa = static_cast<double>(counts.successes_a);
  const double fa = static_cast<double>(counts.trials_a) - xa;
  const double xb = static_cast<double>(counts.successes_b);
  const double fb = static_cast<double>(counts.trials_b) - xb;
  double low = std::max(0.0, -difference);
  double high = std::min(1.0, 1 - difference);
  // The derivative of the log-likelihood falls all the way.
  for (int i = 0; i < 200; ++i) {
    const double t = low + (high - low) / 2;
    if (t <= low || t >= high) break;
    const double slope =
        per(xa, t) - per(fa, 1 - t) + per(xb, t + difference) - per(fb, 1 - t - difference);
    (slope > 0 ? low : high) = t;
  }
  return low + (high - low) / 2;
}

double wald_error(double share_a, double trials_a, double share_b, double trials_b) {
  return std::sqrt(share_a * (1 - share_a) / trials_a + share_b * (1 - share_b) / trials_b);
}

}  // namespace

TwoProportions two_proportions_test(const ProportionCounts& counts, Alternative alternative) {
  require_counts(counts);
  TwoProportions result;
  result.difference = counts.difference();
  result.cohens_h =
      2 * std::asin(std::sqrt(counts.share_b())) - 2 * std::asin(std::sqrt(counts.share_a()));
  const double na = static_cast<double>(counts.trials_a);
  const double nb = static_cast<double>(counts.trials_b);
  const double wald = wald_error(counts.share_a(), na, counts.share_b(), nb);
  if (wald > 0) {
    result.z_unpooled = result.difference / wald;
    result.unpooled_p = normal_p_value(*result.z_unpooled, alternative);
  }
  const std::int64_t successes = counts.successes_a + counts.successes_b;
  if (successes == 0 || successes == counts.trials_a + counts.trials_b) {
    result.warnings.emplace_back("no_variation");
    return result;
  }
  const double pooled = static_cast<double>(successes) / (na + nb);
  const double error = std::sqrt(pooled * (1 - pooled) * (1 / na + 1 / nb));
  result.z_pooled = result.difference / error;
  result.pooled_p = normal_p_value(*result.z_pooled, alternative);
  const double correction = std::min(std::abs(result.difference), (1 / na + 1 / nb) / 2);
  const double corrected =
      std::copysign(std::abs(result.difference) - correction, result.difference);
  result.yates_p = normal_p_value(corrected / error, alternative);
  return result;
}

Interval newcombe_interval(const ProportionCounts& counts, double confidence) {
  require_counts(counts);
  const auto wilson = [confidence](std::int64_t successes, std::int64_t trials) {
    return wilson_interval(static_cast<double>(successes), static_cast<double>(trials), confidence);
  };
  const Interval a = wilson(counts.successes_a, counts.trials_a);
  const Interval b = wilson(counts.successes_b, counts.trials_b);
  const double share_a = counts.share_a();
  const double share_b = counts.share_b();
  return {counts.difference() - std::hypot(share_b - b.low, a.high - share_a),
          counts.difference() + std::hypot(b.high - share_b, share_a - a.low)};
}

double difference_score(const ProportionCounts& counts, double difference, bool bias_corrected) {
  require_counts(counts);
  if (!(difference >= -1) || !(difference <= 1)) {
    detail::invalid_argument("a difference of shares lies in [-1, 1], is " +
                             std::to_string(difference));
  }
  const double na = static_cast<double>(counts.trials_a);
  const double nb = static_cast<double>(counts.trials_b);
  const double share_a = constrained_share(counts, difference);
  const double share_b = share_a + difference;
  double variance = share_a * (1 - share_a) / na + share_b * (1 - share_b) / nb;
  if (bias_corrected) variance *= (na + nb) / (na + nb - 1);
  const double gap = counts.difference() - difference;
  if (gap == 0) return 0;
  if (!(variance > 0)) return gap > 0 ? kInfinity : -kInfinity;
  return gap / std::sqrt(variance);
}

Interval miettinen_nurminen_interval(const ProportionCounts& counts, double confidence) {
  require_counts(counts);
  const double z = detail::two_sided_z(confidence);
  // Where the score falls through `target`, between `low` and `high`. Halving first: at -1 and 1
  // the score is infinite.
  const auto limit = [&counts](double target, double low, double high) {
    for (int i = 0; i < 10 && low < high; ++i) {
      const double middle = low + (high - low) / 2;
      (difference_score(counts, middle) > target ? low : high) = middle;
    }
    const auto excess = [&](double d) { return difference_score(counts, d) - target; };
    if (!std::isfinite(excess(low)) || !std::isfinite(excess(high)) || excess(low) <= 0 ||
        excess(high) >= 0) {
      for (int i = 0; i < 200; ++i) {
        const double middle = low + (high - low) / 2;
        if (middle <= low || middle >= high) break;
        (excess(middle) > 0 ? low : high) = middle;
      }
      return low + (high - low) / 2;
    }
    return find_root(excess, low, high);
  };
  return {limit(z, -1, counts.difference()), limit(-z, counts.difference(), 1)};
}

Interval agresti_caffo_interval(const ProportionCounts& counts, double confidence) {
  require_counts(counts);
  return wald_difference_interval({.successes_a = counts.successes_a + 1,
                                   .trials_a = counts.trials_a + 2,
                                   .successes_b = counts.successes_b + 1,
                                   .trials_b = counts.trials_b + 2},
                                  confidence);
}

Interval wald_difference_interval(const ProportionCounts& counts, double confidence) {
  require_counts(counts);
  const double reach = detail::two_sided_z(confidence) *
                       wald_error(counts.share_a(), static_cast<double>(counts.trials_a),
                                  counts.share_b(), static_cast<double>(counts.trials_b));
  return {counts.difference() - reach, counts.difference() + reach};
}

NonInferiority non_inferior_proportions(const ProportionCounts& counts,
                                        const NonInferiorityOptions& options, bool bias_corrected) {
  require_counts(counts);
  detail::require_open_unit(options.alpha, "alpha");
  if (!(options.margin > 0 && options.margin < 1)) {
    detail::invalid_argument("a margin of shares lies between 0 and 1, is " +
                             std::to_string(options.margin));
  }
  NonInferiority result;
  result.difference = counts.difference();
  const bool higher = options.better == Better::kHigher;
  const double null = higher ? -options.margin : options.margin;
  const double z = difference_score(counts, null, bias_corrected) * (higher ? 1 : -1);
  if (std::isfinite(z)) {
    result.statistic = z;
    const PValue p = normal_p_value(z, Alternative::kGreater);
    result.p_value = p.value;
    result.log10_p = p.log10;
  } else {
    result.warnings.emplace_back("zero_variance");
    result.p_value = z > 0 ? 0 : 1;
  }
  result.non_inferior = result.p_value < options.alpha;
  return result;
}

}  // namespace peira::stats
