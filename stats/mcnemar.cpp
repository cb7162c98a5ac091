#include "stats/mcnemar.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "stats/distributions.h"

namespace peira::stats {
namespace {

void require_counts(const PairedCounts& counts) {
  if (counts.both_right < 0 || counts.only_a < 0 || counts.only_b < 0 || counts.both_wrong < 0) {
    throw Error(ErrorCode::kUsage, "InvalidArgument: a count of pairs is negative");
  }
  if (counts.total() == 0) throw Error(ErrorCode::kData, "EmptyInput: no pairs");
}

double two_sided_z(double confidence) {
  if (!(confidence > 0) || !(confidence < 1)) {
    throw Error(ErrorCode::kUsage, "InvalidProbability: confidence must lie between 0 and 1");
  }
  return normal_quantile(0.5 + confidence / 2);
}

double difference_of(const PairedCounts& counts) {
  return static_cast<double>(counts.only_b - counts.only_a) / static_cast<double>(counts.total());
}

// Tango's score of a true difference `d`; falls as d rises. Infinite where the variance vanishes.
double score_at(const PairedCounts& counts, double d) {
  const double n = static_cast<double>(counts.total());
  const double only_a = static_cast<double>(counts.only_a);
  const double only_b = static_cast<double>(counts.only_b);
  // Larger root of the constrained likelihood equation for P(right in A only).
  const double a = 2 * n;
  const double b = -only_b - only_a + (2 * n - only_b + only_a) * d;
  const double c = -only_a * d * (1 - d);
  const double q = (std::sqrt(std::max(0.0, b * b - 4 * a * c)) - b) / (2 * a);
  const double numerator = only_b - only_a - n * d;
  const double variance = n * (2 * q + d * (1 - d));
  if (numerator == 0) return 0;
  if (!(variance > 0)) return numerator > 0 ? HUGE_VAL : -HUGE_VAL;
  return numerator / std::sqrt(variance);
}

// Where the score crosses `target` between `low` (score above) and `high` (score below).
double tango_limit(const PairedCounts& counts, double target, double low, double high) {
  for (int i = 0; i < 200; ++i) {
    const double middle = low + (high - low) / 2;
    if (middle == low || middle == high) break;
    (score_at(counts, middle) > target ? low : high) = middle;
  }
  return low + (high - low) / 2;
}

}  // namespace

McNemar mcnemar_test(const PairedCounts& counts) {
  require_counts(counts);
  McNemar result;
  result.difference = difference_of(counts);
  const std::int64_t discordant = counts.discordant();
  if (discordant == 0) {
    result.warnings.emplace_back("no_discordant_pairs");
    return result;
  }
  const double m = static_cast<double>(discordant);
  const double gap = std::abs(static_cast<double>(counts.only_b - counts.only_a));
  result.chi_squared = gap * gap / m;
  result.asymptotic_p = chi_squared_upper_tail(result.chi_squared, 1);
  const double corrected_gap = std::max(0.0, gap - 1);
  result.corrected_chi_squared = corrected_gap * corrected_gap / m;
  result.corrected_p = chi_squared_upper_tail(result.corrected_chi_squared, 1);
  if (counts.only_a > 0) {
    result.discordant_odds_ratio =
        static_cast<double>(counts.only_b) / static_cast<double>(counts.only_a);
  }
  if (counts.only_a != counts.only_b) {  // equal counts leave both at 1
    const std::int64_t smaller = std::min(counts.only_a, counts.only_b);
    const double tail = binomial_cdf(smaller, discordant, 0.5);
    result.exact_p = std::min(1.0, 2 * tail);
    result.mid_p = 2 * tail - binomial_probability(smaller, discordant, 0.5);
  }
  return result;
}

double tango_score(const PairedCounts& counts, double difference) {
  require_counts(counts);
  if (!(difference > -1 && difference < 1)) {
    throw Error(ErrorCode::kUsage, "InvalidArgument: a difference of shares lies between -1 and 1");
  }
  return score_at(counts, difference);
}

Interval tango_interval(const PairedCounts& counts, double confidence) {
  require_counts(counts);
  const double z = two_sided_z(confidence);
  const double difference = difference_of(counts);
  return {tango_limit(counts, z, -1, difference), tango_limit(counts, -z, difference, 1)};
}

Interval newcombe_paired_interval(const PairedCounts& counts, double confidence) {
  require_counts(counts);
  const double n = static_cast<double>(counts.total());
  const double n11 = static_cast<double>(counts.both_right);
  const double n10 = static_cast<double>(counts.only_a);
  const double n01 = static_cast<double>(counts.only_b);
  const double n00 = static_cast<double>(counts.both_wrong);
  const double right_a = n11 + n10;
  const double right_b = n11 + n01;
  const Interval a = wilson_interval(right_a, n, confidence);
  const Interval b = wilson_interval(right_b, n, confidence);

  // Correlation of the two shares, corrected towards 0 when positive.
  const double margins = right_a * (n - right_a) * right_b * (n - right_b);
  double phi = 0;
  if (margins > 0) {
    double cross = n11 * n00 - n10 * n01;
    if (cross > 0) cross = std::max(0.0, cross - n / 2);
    phi = cross / std::sqrt(margins);
  }
  const double p_a = right_a / n;
  const double p_b = right_b / n;
  const auto spread = [phi](double e, double f) {
    return std::sqrt(std::max(0.0, e * e - 2 * phi * e * f + f * f));
  };
  const double difference = difference_of(counts);
  return {difference - spread(p_b - b.low, a.high - p_a),
          difference + spread(b.high - p_b, p_a - a.low)};
}

Interval wald_paired_interval(const PairedCounts& counts, double confidence) {
  require_counts(counts);
  const double n = static_cast<double>(counts.total());
  const double gap = static_cast<double>(counts.only_b - counts.only_a);
  const double std_error = std::sqrt(static_cast<double>(counts.discordant()) - gap * gap / n) / n;
  const double half_width = two_sided_z(confidence) * std_error;
  return {gap / n - half_width, gap / n + half_width};
}

}  // namespace peira::stats
