#include "evals/gate/quantile_pairs.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "evals/score_mean.h"
#include "stats/moments.h"
#include "stats/quantiles.h"
#include "stats/random.h"

namespace peira::evals::detail {
namespace {

// Below so many clusters resamples repeat themselves.
constexpr double kFewestClusters = 20;
// How sure it must be that the sample reaches beyond the quantile at all.
constexpr double kMissed = 0.05;
constexpr int kRanksUp = 1;
constexpr std::uint64_t kSeed = 1;

bool is_in_cell(const SampleOutcome& outcome, const GateTarget& target) {
  if (target.field.empty()) return true;
  const auto found = outcome.metadata.find(target.field);
  return found != outcome.metadata.end() && found->second == target.value;
}

// One run's answers to the questions of both, each with the number of its cluster. Failed ones take
// `of_failed` seconds, or are left out where that is NaN.
class Latencies {
 public:
  Latencies(const GateArm& arm, const std::unordered_map<std::string_view, std::size_t>& clusters,
            double of_failed) {
    for (const SampleOutcome& outcome : arm.outcomes) {
      const auto cluster = clusters.find(outcome.sample_id);
      if (cluster == clusters.end()) continue;
      const bool failed = outcome.score.state == AnswerState::kFailed;
      if (failed && std::isnan(of_failed)) continue;
      answers_.push_back({failed ? of_failed : outcome.latency_s, cluster->second});
    }
    std::sort(answers_.begin(), answers_.end(),
              [](const Answer& a, const Answer& b) { return a.seconds < b.seconds; });
  }

  std::size_t size() const { return answers_.size(); }

  // Type-7 quantile where each cluster was drawn `times` over, or what stands `ranks_up` ranks
  // above it (the largest at most); NaN of nothing.
  double quantile(double p, const std::vector<std::int64_t>& times, int ranks_up = 0) const {
    std::int64_t total = 0;
    for (const Answer& answer : answers_) total += times[answer.cluster];
    if (total == 0) return std::numeric_limits<double>::quiet_NaN();
    const auto last = static_cast<double>(total - 1);
    const double position = std::min(last * p + ranks_up, last);
    const auto rank = static_cast<std::int64_t>(position);
    const double fraction = position - static_cast<double>(rank);
    double low = 0;
    bool has_low = false;
    std::int64_t seen = 0;
    for (const Answer& answer : answers_) {
      seen += times[answer.cluster];
      if (!has_low && seen > rank) {
        low = answer.seconds;
        has_low = true;
      }
      if (!has_low || (seen <= rank + 1 && seen < total)) continue;
      // Between two infinities lies no other.
      return answer.seconds == low ? low : low + fraction * (answer.seconds - low);
    }
    return low;
  }

 private:
  struct Answer {
    double seconds;
    std::size_t cluster;
  };
  std::vector<Answer> answers_;  // by seconds
};

// Questions of both runs in the target's cell, each with the number of its cluster.
std::unordered_map<std::string_view, std::size_t> shared_questions(const GateArm& baseline,
                                                                   const GateArm& candidate,
                                                                   const GateTarget& target) {
  std::set<std::string_view> asked;
  for (const SampleOutcome& outcome : baseline.outcomes) asked.insert(outcome.sample_id);
  std::unordered_map<std::string_view, std::size_t> shared;
  std::map<std::string_view, std::size_t> numbers;
  std::size_t next = 0;
  for (const SampleOutcome& outcome : candidate.outcomes) {
    if (!is_in_cell(outcome, target) || !asked.contains(outcome.sample_id)) continue;
    if (shared.contains(outcome.sample_id)) continue;
    const std::string_view key = cluster_key(outcome.cluster, outcome.sample_id);
    const std::size_t number = key.empty() ? next : numbers.emplace(key, next).first->second;
    next += number == next;
    shared.emplace(outcome.sample_id, number);
  }
  return shared;
}

}  // namespace

std::int64_t fewest_clusters(double quantile) {
  const double reached = std::log(kMissed) / std::log(std::max(quantile, 1 - quantile));
  return static_cast<std::int64_t>(std::ceil(std::max(kFewestClusters, reached)));
}

QuantileChange quantile_change(const GateArm& baseline, const GateArm& candidate,
                               const GateTarget& target, double quantile, double margin,
                               double alpha) {
  const auto questions = shared_questions(baseline, candidate, target);
  std::size_t num_clusters = 0;
  for (const auto& [id, cluster] : questions) num_clusters = std::max(num_clusters, cluster + 1);
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  constexpr double kForever = std::numeric_limits<double>::infinity();
  const Latencies before(baseline, questions, kNone), after(candidate, questions, kNone);
  const Latencies before_at_best(baseline, questions, 0),
      after_at_worst(candidate, questions, kForever);
  const Latencies before_at_worst(baseline, questions, kForever),
      after_at_best(candidate, questions, 0);

  QuantileChange change;
  change.num_pairs = static_cast<std::int64_t>(questions.size());
  change.num_clusters = static_cast<std::int64_t>(num_clusters);
  if (before.size() == 0 || after.size() == 0) return change;
  std::vector<std::int64_t> times(num_clusters, 1);
  change.estimate = after.quantile(quantile, times) - before.quantile(quantile, times);
  if (change.num_clusters < fewest_clusters(quantile)) return change;

  const double answers = static_cast<double>(before.size() + after.size());
  constexpr double kMost = 1999, kFewest = 199, kWalked = 8e7;
  const auto resamples = static_cast<std::int64_t>(std::clamp(kWalked / answers, kFewest, kMost));
  stats::Random random(kSeed);
  std::vector<double> replicates;
  stats::Moments moments;
  std::int64_t margin_slower = 0, not_slower = 0, margin_faster = 0, within_above = 0,
               within_below = 0;
  for (std::int64_t i = 0; i < resamples; ++i) {
    std::fill(times.begin(), times.end(), 0);
    for (std::size_t draw = 0; draw < num_clusters; ++draw) ++times[random.below(num_clusters)];
    const double plain = after.quantile(quantile, times) - before.quantile(quantile, times);
    const double worst = after_at_worst.quantile(quantile, times, kRanksUp) -
                         before_at_best.quantile(quantile, times);
    const double best = after_at_best.quantile(quantile, times) -
                        before_at_worst.quantile(quantile, times, kRanksUp);
    // A resample without an answer of one run says nothing against any null.
    margin_slower += !(worst < margin);
    margin_faster += !(best > -margin);
    not_slower += !(best > 0);
    within_above += !(best > margin);
    within_below += !(worst < -margin);
    if (!std::isfinite(plain)) continue;
    replicates.push_back(plain);
    moments.add(plain);
  }
  const auto share = [&](std::int64_t count) {
    return static_cast<double>(1 + count) / static_cast<double>(1 + resamples);
  };
  change.slower_by_margin = share(margin_slower);
  change.faster_by_margin = share(margin_faster);
  change.slower_at_all = share(not_slower);
  change.within_above = share(within_above);
  change.within_below = share(within_below);
  if (replicates.size() < 2) return change;
  std::sort(replicates.begin(), replicates.end());
  change.std_error = moments.std_dev().value_or(0);
  change.interval = {stats::sorted_quantile(replicates, alpha),
                     stats::sorted_quantile(replicates, 1 - alpha)};
  change.method = "bootstrap of pairs, " + std::to_string(resamples) + " resamples, seed " +
                  std::to_string(kSeed);
  return change;
}

}  // namespace peira::evals::detail
