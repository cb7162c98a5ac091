#include "runner/summary.h"

#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "evals/summary.h"

namespace peira::runner {

namespace {

// The part of the manifest that says who judged; null where rules did.
Json judge_of(const RunInfo& info) {
  const auto values = info.manifest.find("values");
  return values == info.manifest.end() ? Json(nullptr) : values->value("judge", Json(nullptr));
}

bool has_judge(const RunInfo& info) { return judge_of(info).is_object(); }

std::string judge_line(const Json& judge) {
  const Json prompt = judge.value("prompt", Json::object());
  const Json sampling = judge.value("sampling", Json::object());
  return "judged by " + judge.value("name", std::string("?")) + " (prompt " +
         prompt.value("name", std::string("?")) + " " + std::to_string(prompt.value("version", 0)) +
         ", sha256 " + prompt.value("sha256", std::string()).substr(0, 12) + ", temperature " +
         dump_json(sampling.value("temperature", Json(0))) +
         "): scores of different judges do not compare";
}

}  // namespace

evals::RunRecord record_of(const RunInfo& info) {
  evals::RunRecord record;
  record.run_id = info.id;
  record.suite = info.suite;
  record.profile = info.profile;
  record.variant = info.variant;
  record.model = info.model;
  record.method = info.method;
  record.dataset = info.dataset;
  record.manifest = info.manifest;
  record.expected_answers = info.expected_answers;
  record.epochs = info.epochs;
  record.seed = info.seed;
  record.limited = info.limited;
  record.restricted = info.restricted;
  record.complete = info.complete;
  record.started_at = info.started_at;
  record.finished_at = info.finished_at;
  record.wall_s = info.wall_s;
  record.warnings = info.warnings;
  record.decision = info.decision;
  if (has_judge(info)) record.warnings.push_back(judge_line(judge_of(info)));
  if (info.decision && info.decision->stopped_early()) {
    const evals::StopDecision& decision = *info.decision;
    const std::string used = std::to_string(decision.num_used);
    record.warnings.push_back("stopped early: '" + decision.rule + "' was decided after " + used +
                              " of " + std::to_string(decision.num_questions) +
                              " questions in random order; the figures are of those " + used +
                              ", and their intervals do not know that the run chose when to stop");
    if (const std::size_t beyond = decision.rows_beyond.size(); beyond > 0) {
      record.warnings.push_back(std::to_string(beyond) +
                                (beyond == 1 ? " question was" : " questions were") +
                                " answered past the stopping point: kept, not counted");
    }
  }
  if (info.running) {
    record.warnings.push_back("the run is still being written: " + std::to_string(info.answers) +
                              " of " + std::to_string(info.expected_answers) + " answers so far");
  } else if (!info.complete) {
    record.warnings.push_back("the run is incomplete: " + info.why_stopped);
  }
  return record;
}

namespace {

// A run's outcomes without those past its stopping point, whose presence depends on chance.
evals::OutcomeStream stream_of(const RunInfo& info, OutcomeReader outcomes) {
  const auto reader = std::make_shared<OutcomeReader>(std::move(outcomes));
  if (!info.decision || info.decision->rows_beyond.empty()) {
    return [reader] { return reader->next(); };
  }
  const std::set<std::int64_t> beyond(info.decision->rows_beyond.begin(),
                                      info.decision->rows_beyond.end());
  return [reader, beyond] {
    std::optional<evals::SampleOutcome> outcome = reader->next();
    while (outcome && beyond.contains(outcome->row)) outcome = reader->next();
    return outcome;
  };
}

}  // namespace

evals::RunRecord summarize(const Store& store, const std::string& run_id) {
  const RunInfo info = store.run(run_id);
  evals::RunRecord record = record_of(info);
  const bool is_hle = info.suite.starts_with("hle") && has_judge(info);
  evals::Summarizer summarizer(
      {.epochs = info.epochs,
       .breakdowns = info.breakdowns,
       .num_hle_questions = is_hle ? info.expected_answers / info.epochs : 0});
  const evals::OutcomeStream next = stream_of(info, store.outcomes(run_id));
  while (const std::optional<evals::SampleOutcome> outcome = next()) {
    summarizer.add(*outcome);
  }
  summarizer.summary().apply_to(record);
  return record;
}

evals::Comparison compare_runs(const Store& store, const std::string& run_a,
                               const std::string& run_b, const std::vector<std::string>& vary,
                               const evals::ComparisonOptions& options) {
  const RunInfo a = store.run(run_a);
  const RunInfo b = store.run(run_b);
  // Asked before anything is counted: large runs take a moment.
  std::vector<std::string> varied = evals::check_comparable(a.manifest, b.manifest, vary);
  return evals::compare_outcomes(record_of(a), record_of(b), stream_of(a, store.scores(run_a)),
                                 stream_of(b, store.scores(run_b)), std::move(varied), options);
}

evals::Ranking rank_runs(const Store& store, const std::vector<std::string>& runs,
                         const std::vector<std::string>& vary) {
  std::vector<evals::RunRecord> records;
  std::vector<evals::OutcomeStream> streams;
  Json first;
  for (const std::string& id : runs) {
    const RunInfo info = store.run(id);
    if (records.empty()) first = info.manifest;
    static_cast<void>(evals::check_comparable(first, info.manifest, vary));
    records.push_back(record_of(info));
    streams.push_back(stream_of(info, store.scores(id)));
  }
  return evals::rank_outcomes(std::move(records), streams);
}

}  // namespace peira::runner
