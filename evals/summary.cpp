#include "evals/summary.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "evals/judge.h"
#include "evals/metrics/hle.h"
#include "evals/metrics/official_accuracy.h"
#include "evals/score_mean.h"
#include "stats/calibration.h"
#include "stats/pass_at_k.h"

namespace peira::evals {
namespace {

// Fewer clusters than this and a clustered interval is rough (statistics: few-cluster bias of CR1).
constexpr std::int64_t kFewClusters = 20;

void count_outcome(StateCounts& states, const Score& score) {
  switch (score.state) {
    case AnswerState::kScored:
      ++states.scored;
      if (score.guessed) ++states.guessed;
      if (score.parse_flag == 3 && score.value > 0) ++states.major_flag;
      break;
    case AnswerState::kUnparsed:
      ++states.unparsed;
      break;
    case AnswerState::kTruncated:
      ++states.truncated;
      break;
    case AnswerState::kEmpty:
      ++states.empty;
      break;
    case AnswerState::kRefused:
      ++states.refused;
      break;
    case AnswerState::kFailed:
      ++states.failed;
      break;
  }
}

void add_counts(StateCounts& to, const StateCounts& from) {
  to.scored += from.scored;
  to.unparsed += from.unparsed;
  to.truncated += from.truncated;
  to.empty += from.empty;
  to.refused += from.refused;
  to.failed += from.failed;
  to.guessed += from.guessed;
  to.major_flag += from.major_flag;
}

// 1, 2, 4 ... below `epochs`, then `epochs`.
std::vector<int> pass_ks(int epochs) {
  std::vector<int> ks;
  for (int k = 1; k < epochs; k *= 2) {
    ks.push_back(k);
    if (k == 4 && epochs > 5) ks.push_back(5);  // what LiveCodeBench reports
  }
  ks.push_back(epochs);
  return ks;
}

// The shares reported beside the scores, as counts of one sample's states.
struct Share {
  std::string_view name;
  std::int64_t StateCounts::*count;
};
constexpr Share kShares[] = {
    {"unparsed", &StateCounts::unparsed}, {"truncated", &StateCounts::truncated},
    {"empty", &StateCounts::empty},       {"refused", &StateCounts::refused},
    {"failed", &StateCounts::failed},     {"guessed", &StateCounts::guessed}};

// One sample while its epochs come in.
struct OpenSample {
  bool is_open = false;
  std::int64_t row = 0;
  int last_epoch = 0;
  std::string id, cluster;
  std::vector<std::string> breakdown_values;
  StateCounts states;
  std::int64_t num_answers = 0;  // not failed
  std::int64_t num_right = 0;    // scored 1
  double score_sum = 0;
  std::vector<std::string> votes;  // of the answers, "" for none
  std::vector<double> vote_scores;
};

// Confidences stated, beside what they were about.
struct Stated {
  std::vector<double> confidence, correct;  // [answers], held within [0, 1]
  std::vector<HleVerdict> verdicts;         // the same, as the judge said them
};

constexpr std::int64_t kCalibrationBins = 10;
constexpr std::int64_t kCalibrationResamples = 1000;

void add_calibration(const Stated& stated, std::vector<Metric>& metrics) {
  const std::size_t n = stated.confidence.size();
  if (n == 0) return;
  Metric mean;
  mean.name = "confidence";
  for (const double confidence : stated.confidence) mean.value += confidence;
  mean.value /= static_cast<double>(n);
  mean.num_samples = static_cast<std::int64_t>(n);
  metrics.push_back(mean);
  const stats::Binning binning{stats::Binning::Kind::kEqualMass, kCalibrationBins};
  Metric error;
  error.name = "calibration_error";
  error.value =
      stats::calibration_error(stated.confidence, stated.correct, binning).root_mean_square;
  error.num_samples = mean.num_samples;
  const stats::Interval interval =
      stats::calibration_interval(stated.confidence, stated.correct, binning, kCalibrationResamples,
                                  /*seed=*/0)
          .root_mean_square;
  error.low = interval.low;
  error.high = interval.high;
  error.interval = "bootstrap";
  metrics.push_back(error);
}

void add_hle_figures(const Stated& stated, std::int64_t num_questions,
                     std::vector<Metric>& metrics) {
  if (static_cast<std::int64_t>(stated.verdicts.size()) > num_questions) return;
  const HleFigures figures = hle_figures(stated.verdicts, num_questions);
  Metric accuracy;
  accuracy.name = "official_accuracy";
  accuracy.value = figures.accuracy / 100;
  accuracy.low = (figures.accuracy - figures.half_width) / 100;
  accuracy.high = (figures.accuracy + figures.half_width) / 100;
  accuracy.interval = "as the official code";
  accuracy.num_samples = num_questions;
  metrics.push_back(accuracy);
  if (!figures.calibration_error) return;
  Metric calibration;
  calibration.name = "official_calibration_error";
  calibration.value = *figures.calibration_error / 100;
  calibration.num_samples = static_cast<std::int64_t>(stated.verdicts.size());
  metrics.push_back(calibration);
}

struct Breakdown {
  ScoreMean accuracy;
  StateCounts states;
};

}  // namespace

struct Summarizer::State {
  SummaryOptions options;
  std::vector<int> ks;
  std::int64_t num_samples = 0;
  std::int64_t prompt_tokens = 0, completion_tokens = 0;
  StateCounts states;
  bool is_binary = true;  // every answer scored 0 or 1
  ScoreMean accuracy, majority;
  std::vector<ScoreMean> passes;  // as ks
  std::vector<ScoreMean> shares = std::vector<ScoreMean>(std::size(kShares));
  std::vector<std::map<std::string, Breakdown>> breakdowns;  // as options.breakdowns
  OpenSample open;
  Stated stated;
  OfficialAccuracy official;
  std::int64_t judge_failures = 0;

  bool has_epochs() const { return options.epochs > 1; }
  void open_sample(const SampleOutcome& outcome);
  void close_sample();
};

void Summarizer::State::open_sample(const SampleOutcome& outcome) {
  open.is_open = true;
  open.row = outcome.row;
  open.id = outcome.sample_id;
  open.cluster = cluster_key(outcome.cluster, outcome.sample_id);
  open.breakdown_values.clear();
  for (const std::string& field : options.breakdowns) {
    const auto found = outcome.metadata.find(field);
    open.breakdown_values.push_back(found == outcome.metadata.end() ? "" : found->second);
  }
  open.states = {};
  open.num_answers = open.num_right = 0;
  open.score_sum = 0;
  open.votes.clear();
  open.vote_scores.clear();
}

// Adds the open sample to every mean it belongs to.
void Summarizer::State::close_sample() {
  if (!open.is_open) return;
  open.is_open = false;
  ++num_samples;
  add_counts(states, open.states);
  const double num_asked = static_cast<double>(open.states.total());
  for (std::size_t i = 0; i < shares.size(); ++i) {
    shares[i].add(open.cluster, static_cast<double>(open.states.*kShares[i].count) / num_asked);
  }
  for (std::size_t field = 0; field < breakdowns.size(); ++field) {
    Breakdown& breakdown = breakdowns[field][open.breakdown_values[field]];
    add_counts(breakdown.states, open.states);
    if (open.num_answers > 0) {
      breakdown.accuracy.add(open.cluster, open.score_sum / static_cast<double>(open.num_answers));
    }
  }
  if (open.num_answers == 0) return;  // every epoch failed: there is no score

  accuracy.add(open.cluster, open.score_sum / static_cast<double>(open.num_answers));
  if (!has_epochs()) return;
  const std::size_t winner = stats::majority_vote(open.votes);
  majority.add(open.cluster, winner < open.votes.size() ? open.vote_scores[winner] : 0);
  for (std::size_t i = 0; i < ks.size(); ++i) {
    if (open.num_answers < ks[i]) continue;
    passes[i].add(open.cluster, stats::pass_at_k(open.num_answers, open.num_right, ks[i]));
  }
}

Summarizer::Summarizer(SummaryOptions options) : state_(std::make_unique<State>()) {
  if (options.epochs < 1) {
    throw Error(ErrorCode::kUsage,
                "epochs is " + std::to_string(options.epochs) + ", must be at least 1");
  }
  state_->options = std::move(options);
  state_->ks = pass_ks(state_->options.epochs);
  state_->passes.resize(state_->ks.size());
  state_->breakdowns.resize(state_->options.breakdowns.size());
}

Summarizer::~Summarizer() = default;
Summarizer::Summarizer(Summarizer&&) noexcept = default;
Summarizer& Summarizer::operator=(Summarizer&&) noexcept = default;

void Summarizer::add(const SampleOutcome& outcome) {
  State& state = *state_;
  OpenSample& open = state.open;
  const std::string where =
      "row " + std::to_string(outcome.row) + ", epoch " + std::to_string(outcome.epoch);
  if (!(outcome.score.value >= 0 && outcome.score.value <= 1)) {
    throw Error(ErrorCode::kData, where + ": the score is " + std::to_string(outcome.score.value) +
                                      ", must lie in [0, 1]");
  }
  if (outcome.epoch < 0 || outcome.epoch >= state.options.epochs) {
    throw Error(ErrorCode::kData, where + ": the run has " + std::to_string(state.options.epochs) +
                                      " epochs, counted from 0");
  }
  const bool continues = open.is_open && outcome.row == open.row;
  if (continues ? outcome.epoch <= open.last_epoch || outcome.sample_id != open.id
                : state.num_samples + open.is_open > 0 && outcome.row <= open.row) {
    throw Error(ErrorCode::kData, where + " (sample " + outcome.sample_id + ") comes after row " +
                                      std::to_string(open.row) + ", epoch " +
                                      std::to_string(open.last_epoch) + " (sample " + open.id +
                                      "): outcomes must be in order, each once");
  }
  if (!continues) {
    state.close_sample();
    state.open_sample(outcome);
  }
  open.last_epoch = outcome.epoch;
  state.prompt_tokens += outcome.prompt_tokens;
  state.completion_tokens += outcome.completion_tokens;
  count_outcome(open.states, outcome.score);
  if (!state.has_epochs()) state.official.add(outcome);
  if (outcome.score.state == AnswerState::kFailed) {
    state.judge_failures += is_judge_failure(outcome.failure);
    return;
  }

  if (const std::optional<double> confidence = noted_confidence(outcome.score)) {
    state.stated.confidence.push_back(std::clamp(*confidence, 0.0, 1.0));
    state.stated.correct.push_back(outcome.score.value);
    state.stated.verdicts.push_back({outcome.score.value == 1, *confidence});
  }
  ++open.num_answers;
  open.score_sum += outcome.score.value;
  open.num_right += outcome.score.value == 1;
  state.is_binary = state.is_binary && (outcome.score.value == 0 || outcome.score.value == 1);
  if (!state.has_epochs()) return;
  const bool has_answer = outcome.score.state == AnswerState::kScored;
  const std::string& vote = outcome.vote.empty() ? outcome.score.answer : outcome.vote;
  open.votes.push_back(has_answer ? vote : "");
  open.vote_scores.push_back(outcome.score.value);
}

RunSummary Summarizer::summary() const {
  State state = *state_;
  state.close_sample();

  RunSummary summary;
  summary.num_samples = state.num_samples;
  summary.prompt_tokens = state.prompt_tokens;
  summary.completion_tokens = state.completion_tokens;
  summary.states = state.states;

  const std::string epochs = std::to_string(state.options.epochs);
  summary.metrics.push_back(
      state.accuracy.metric(state.has_epochs() ? "avg@" + epochs : "accuracy"));
  if (state.has_epochs()) {
    summary.metrics.push_back(state.majority.metric("maj@" + epochs));
    for (std::size_t i = 0; state.is_binary && i < state.ks.size(); ++i) {
      summary.metrics.push_back(state.passes[i].metric("pass@" + std::to_string(state.ks[i])));
    }
  }
  for (std::size_t i = 0; i < state.shares.size(); ++i) {
    if (kShares[i].name == "guessed" && state.states.guessed == 0) continue;
    summary.metrics.push_back(state.shares[i].metric(std::string(kShares[i].name)));
  }

  state.official.append_to(summary.metrics);
  add_calibration(state.stated, summary.metrics);
  if (state.options.num_hle_questions > 0 && !state.has_epochs()) {
    add_hle_figures(state.stated, state.options.num_hle_questions, summary.metrics);
  }

  for (std::size_t field = 0; field < state.breakdowns.size(); ++field) {
    for (const auto& [value, breakdown] : state.breakdowns[field]) {
      summary.breakdowns.push_back({.field = state.options.breakdowns[field],
                                    .value = value,
                                    .accuracy = breakdown.accuracy.metric(summary.metrics[0].name),
                                    .states = breakdown.states});
    }
  }

  if (state.states.failed > 0) {
    summary.warnings.push_back(std::to_string(state.states.failed) + " of " +
                               std::to_string(state.states.total()) +
                               " answers failed: they are in no score, neither right nor wrong");
  }
  if (state.judge_failures > 0) {
    summary.warnings.push_back("the judge gave no verdict on " +
                               std::to_string(state.judge_failures) +
                               " of these; their replies are kept, and peira score RUN --judge "
                               "MODEL asks about them again");
  }
  if (state.states.guessed > 0) {
    summary.warnings.push_back(std::to_string(state.states.guessed) +
                               " answers without a letter were guessed by the official grader");
  }
  const Metric& headline = summary.metrics[0];
  if (headline.num_clusters < headline.num_samples && headline.num_clusters < kFewClusters) {
    summary.warnings.push_back("only " + std::to_string(headline.num_clusters) +
                               " independent clusters: intervals are rough below " +
                               std::to_string(kFewClusters));
  }
  return summary;
}

void RunSummary::apply_to(RunRecord& record) const {
  record.states = states;
  record.metrics = metrics;
  record.breakdowns = breakdowns;
  record.prompt_tokens = prompt_tokens;
  record.completion_tokens = completion_tokens;
  record.warnings.insert(record.warnings.end(), warnings.begin(), warnings.end());
}

}  // namespace peira::evals
