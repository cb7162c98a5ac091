#include "evals/gate/tests.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "evals/score_mean.h"
#include "stats/distributions.h"
#include "stats/mcnemar.h"
#include "stats/permutation.h"

namespace peira::evals::detail {
namespace {

// Spread below it is rounding.
constexpr double kNoSpread = 1e-12;
// Below so many clusters the exact permutation is asked too.
constexpr std::int64_t kFewClusters = 20;

// Of `successes` of `trials`, neither whole: exact binomial tails where they are.
OneSided binomial_tails(double successes, double trials, double bound) {
  OneSided p;
  if (successes > 0) p.above = stats::beta_cdf(bound, successes, trials - successes + 1);
  if (successes < trials)
    p.below = stats::beta_upper_tail(bound, successes + 1, trials - successes);
  return p;
}

stats::Interval binomial_interval(double successes, double trials, double alpha) {
  return {
      successes > 0 ? stats::beta_quantile(alpha, successes, trials - successes + 1) : 0,
      successes < trials ? stats::beta_quantile(1 - alpha, successes + 1, trials - successes) : 1};
}

struct Summary {
  stats::MeanEstimate estimate;
  bool is_binary_alone = true;
  std::int64_t count = 0;
};

Summary summarize(const std::vector<ClusteredValue>& values) {
  ClusteredValues all;
  Summary summary;
  for (const ClusteredValue& value : values) {
    all.add(value.cluster, value.value);
    summary.is_binary_alone = summary.is_binary_alone && (value.value == 0 || value.value == 1);
  }
  summary.is_binary_alone = summary.is_binary_alone && !all.has_repeated_cluster();
  summary.estimate = all.mean().estimate();
  summary.count = all.count();
  return summary;
}

// Questions that tell as much as these, were each right or wrong and alone.
double effective_count(const Summary& summary) {
  const double mean = std::clamp(summary.estimate.mean, 0.0, 1.0);
  const double spread = summary.estimate.std_error.value_or(0);
  const auto clusters = static_cast<double>(summary.estimate.num_clusters);
  if (spread <= kNoSpread) return clusters;
  // Not more than there are: a spread that is small by chance is no information.
  return std::clamp(mean * (1 - mean) / (spread * spread), 1.0, static_cast<double>(summary.count));
}

OneSided less_sure(const OneSided& a, const OneSided& b) {
  return {std::max(a.above, b.above), std::max(a.below, b.below)};
}

std::vector<ClusteredValue> differences(const std::vector<ClusteredPair>& pairs) {
  std::vector<ClusteredValue> values;
  values.reserve(pairs.size());
  for (const ClusteredPair& pair : pairs) {
    // Equal means of differently many epochs must not differ by rounding.
    const double difference = pair.second - pair.first;
    values.push_back({pair.cluster, std::abs(difference) < kNoSpread ? 0.0 : difference});
  }
  return values;
}

std::optional<stats::PairedCounts> paired_counts(const std::vector<ClusteredPair>& pairs) {
  stats::PairedCounts counts;
  for (const ClusteredPair& pair : pairs) {
    if ((pair.first != 0 && pair.first != 1) || (pair.second != 0 && pair.second != 1)) {
      return std::nullopt;
    }
    ++(pair.first == 1 ? (pair.second == 1 ? counts.both_right : counts.only_a)
                       : (pair.second == 1 ? counts.only_b : counts.both_wrong));
  }
  return counts;
}

bool has_repeated_cluster(const std::vector<ClusteredPair>& pairs) {
  std::vector<std::string> names;
  for (const ClusteredPair& pair : pairs) {
    if (!pair.cluster.empty()) names.push_back(pair.cluster);
  }
  std::sort(names.begin(), names.end());
  return std::adjacent_find(names.begin(), names.end()) != names.end();
}

// Sums of value - bound over whole clusters, those that stand alone first.
std::vector<double> shifted_sums(const std::vector<ClusteredValue>& values, double bound) {
  std::vector<double> sums;
  std::map<std::string, double> named;
  for (const ClusteredValue& value : values) {
    if (value.cluster.empty()) {
      sums.push_back(value.value - bound);
    } else {
      named[value.cluster] += value.value - bound;
    }
  }
  for (const auto& [name, sum] : named) sums.push_back(sum);
  return sums;
}

// The counts that stand for pairs that never differ: one a cluster.
stats::PairedCounts all_equal(std::int64_t num_clusters) {
  stats::PairedCounts counts;
  counts.both_right = num_clusters;
  return counts;
}

OneSided tango_tails(const stats::PairedCounts& counts, double bound) {
  const double z = stats::tango_score(counts, bound);
  if (std::isnan(z)) return {};
  if (std::isinf(z)) return z > 0 ? OneSided{0, 1} : OneSided{1, 0};
  return {stats::normal_upper_tail(z), stats::normal_upper_tail(-z)};
}

}  // namespace

OneSided test_mean(const std::vector<ClusteredValue>& values, double bound, bool is_share) {
  if (values.empty()) return {};
  const Summary summary = summarize(values);
  const double mean = summary.estimate.mean;
  if (is_share && summary.is_binary_alone) {
    const auto n = static_cast<double>(summary.count);
    return binomial_tails(std::round(mean * n), n, bound);
  }
  OneSided p;
  const double spread = summary.estimate.std_error.value_or(0);
  const bool has_spread = spread > kNoSpread && summary.estimate.df;
  if (has_spread) {
    const double t = (mean - bound) / spread;
    p = {stats::t_upper_tail(t, *summary.estimate.df),
         stats::t_upper_tail(-t, *summary.estimate.df)};
  }
  if (!is_share || summary.estimate.num_clusters < 2) return p;
  const double n = effective_count(summary);
  const OneSided beta = binomial_tails(std::clamp(mean, 0.0, 1.0) * n, n, bound);
  return has_spread ? less_sure(p, beta) : beta;
}

Estimate estimate_mean(const std::vector<ClusteredValue>& values, bool is_share, double alpha) {
  Estimate out;
  if (values.empty()) return out;
  const Summary summary = summarize(values);
  out.value = summary.estimate.mean;
  out.std_error = summary.estimate.std_error;
  out.num_units = summary.count;
  out.num_clusters = summary.estimate.num_clusters;
  const auto n = static_cast<double>(out.num_clusters);
  if (is_share && out.std_error.value_or(0) <= kNoSpread) {
    // Laplace's guess: what would be seen of the other kind next.
    const double share = (out.value * n + 1) / (n + 2);
    out.std_error = std::sqrt(share * (1 - share) / n);
  }
  const bool has_spread = summary.estimate.std_error.value_or(0) > kNoSpread && summary.estimate.df;
  if (is_share && summary.is_binary_alone) {
    const auto trials = static_cast<double>(summary.count);
    out.interval = binomial_interval(std::round(out.value * trials), trials, alpha);
    out.method = "clopper-pearson";
    out.has_interval = true;
    return out;
  }
  if (has_spread) {
    out.interval = *summary.estimate.t_interval(1 - 2 * alpha);
    out.method = "clustered-t";
    out.has_interval = true;
  }
  if (!is_share || out.num_clusters < 2) return out;
  const double trials = effective_count(summary);
  const stats::Interval beta =
      binomial_interval(std::clamp(out.value, 0.0, 1.0) * trials, trials, alpha);
  out.interval = has_spread ? stats::Interval{std::max(0.0, std::min(beta.low, out.interval.low)),
                                              std::min(1.0, std::max(beta.high, out.interval.high))}
                            : beta;
  out.method = "korn-graubard";
  out.has_interval = true;
  return out;
}

OneSided test_difference(const std::vector<ClusteredPair>& pairs, double bound, bool is_share) {
  if (pairs.empty()) return {};
  const std::vector<ClusteredValue> values = differences(pairs);
  const Summary summary = summarize(values);
  const std::int64_t clusters = summary.estimate.num_clusters;
  const double spread = summary.estimate.std_error.value_or(0);
  const bool has_spread = spread > kNoSpread && summary.estimate.df;
  OneSided p;
  const std::optional<stats::PairedCounts> counts =
      is_share && !has_repeated_cluster(pairs) ? paired_counts(pairs) : std::nullopt;
  if (counts) {
    p = tango_tails(*counts, bound);
  } else if (has_spread) {
    const double t = (summary.estimate.mean - bound) / spread;
    p = {stats::t_upper_tail(t, *summary.estimate.df),
         stats::t_upper_tail(-t, *summary.estimate.df)};
  } else if (is_share && summary.estimate.mean == 0 && clusters >= 2) {
    p = tango_tails(all_equal(clusters), bound);
  } else {
    return p;  // all differ by the same: nothing tells chance from effect
  }
  if (clusters < kFewClusters) {
    const stats::PermutationTest test = stats::sign_flip_test(shifted_sums(values, bound));
    p = less_sure(p, {test.greater_p, test.less_p});
  }
  return p;
}

Estimate estimate_difference(const std::vector<ClusteredPair>& pairs, bool is_share, double alpha) {
  Estimate out;
  if (pairs.empty()) return out;
  const Summary summary = summarize(differences(pairs));
  out.value = summary.estimate.mean;
  out.std_error = summary.estimate.std_error;
  out.num_units = summary.count;
  out.num_clusters = summary.estimate.num_clusters;
  const double confidence = 1 - 2 * alpha;
  const std::optional<stats::PairedCounts> counts =
      is_share && !has_repeated_cluster(pairs) ? paired_counts(pairs) : std::nullopt;
  if (counts) {
    out.interval = stats::tango_interval(*counts, confidence);
    out.method = "tango";
    out.has_interval = true;
  } else if (out.std_error.value_or(0) > kNoSpread && summary.estimate.df) {
    out.interval = *summary.estimate.t_interval(confidence);
    out.method = "clustered-t";
    out.has_interval = true;
  }
  if (out.num_clusters < kFewClusters) out.method += ", exact permutation";
  return out;
}

}  // namespace peira::evals::detail
