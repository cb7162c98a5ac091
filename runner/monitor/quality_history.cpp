#include "runner/monitor/quality_history.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "base/error.h"
#include "runner/durations.h"
#include "stats/clustered_mean.h"

namespace peira::runner {
namespace {

struct QuestionSum {
  double before = 0, after = 0;
  std::int64_t num_before = 0, num_after = 0;
  std::string cluster;
};

using QuestionSums = std::map<std::int64_t, QuestionSum>;  // by row of one data file

void add_scores(const Store& store, const RunInfo& run, bool is_after, QuestionSums& sums) {
  OutcomeReader reader = store.scores(run.id);
  while (const auto outcome = reader.next()) {
    if (outcome->score.state == evals::AnswerState::kFailed) continue;
    QuestionSum& sum = sums[outcome->row];
    (is_after ? sum.after : sum.before) += outcome->score.value;
    ++(is_after ? sum.num_after : sum.num_before);
    if (is_after) {
      sum.cluster = outcome->cluster.empty() ? "#" + outcome->sample_id : outcome->cluster;
    }
  }
}

}  // namespace

std::int64_t finished_ms(const RunInfo& run) {
  try {
    return parse_utc_ms(run.finished_at.empty() ? run.started_at : run.finished_at);
  } catch (const Error&) {
    return 0;  // imported from a tool that wrote no time that we read
  }
}

std::vector<QualitySeries> quality_series(const Store& store, const std::string& suite,
                                          const std::string& model, std::int64_t until_ms) {
  using Key = std::tuple<std::string, std::string, std::string, std::string, std::string,
                         std::string, std::int64_t>;
  std::map<Key, QualitySeries> found;
  for (RunInfo& run : store.runs()) {
    if ((!suite.empty() && run.suite != suite) || (!model.empty() && run.model != model)) continue;
    if (run.status() != "complete" || !run.rescored_from.empty() || run.answers == 0) continue;
    if (finished_ms(run) > until_ms) continue;
    std::string data;
    const auto digests = run.manifest.find("digests");
    if (digests != run.manifest.end() && digests->is_object()) {
      data = digests->value("dataset", "");
    }
    QualitySeries& series = found[{run.suite, run.profile, run.variant, run.model, run.method, data,
                                   run.expected_answers / std::max(1, run.epochs)}];
    series.suite = run.suite;
    series.profile = run.profile;
    series.variant = run.variant;
    series.model = run.model;
    series.method = run.method;
    series.runs.push_back(std::move(run));
  }
  std::vector<QualitySeries> out;
  for (auto& [key, series] : found) {
    std::stable_sort(series.runs.begin(), series.runs.end(),
                     [](const RunInfo& a, const RunInfo& b) {
                       return std::pair(finished_ms(a), a.key) < std::pair(finished_ms(b), b.key);
                     });
    out.push_back(std::move(series));
  }
  return out;
}

std::optional<QualityChange> newest_change(const Store& store, const QualitySeries& series,
                                           int history, double confidence) {
  if (series.runs.size() < 2) return std::nullopt;
  QuestionSums sums;
  add_scores(store, series.runs.back(), true, sums);
  QualityChange change;
  const std::size_t newest = series.runs.size() - 1;
  const std::size_t first = newest - std::min(newest, static_cast<std::size_t>(history));
  for (std::size_t i = first; i < newest; ++i) {
    add_scores(store, series.runs[i], false, sums);
    ++change.num_runs;
  }
  std::vector<double> differences;
  std::vector<std::int64_t> clusters;
  std::map<std::string, std::int64_t> cluster_ids;
  for (const auto& [row, sum] : sums) {
    if (sum.num_before == 0 || sum.num_after == 0) continue;
    const double before = sum.before / static_cast<double>(sum.num_before);
    const double after = sum.after / static_cast<double>(sum.num_after);
    change.before += before;
    change.after += after;
    differences.push_back(after - before);
    clusters.push_back(cluster_ids.emplace(sum.cluster, std::ssize(cluster_ids)).first->second);
  }
  if (differences.empty()) return std::nullopt;
  change.num_questions = std::ssize(differences);
  change.before /= static_cast<double>(change.num_questions);
  change.after /= static_cast<double>(change.num_questions);
  const stats::MeanEstimate estimate = stats::clustered_mean(differences, clusters);
  change.difference = estimate.mean;
  if (const auto interval = estimate.t_interval(confidence)) {
    change.low = interval->low;
    change.high = interval->high;
  }
  return change;
}

}  // namespace peira::runner
