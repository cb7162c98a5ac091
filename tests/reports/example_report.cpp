#include "tests/reports/example_report.h"

#include <array>
#include <cmath>

#include "evals/comparison.h"
#include "evals/summary.h"
#include "stats/random.h"

namespace peira::reports {
namespace {

using evals::AnswerState;
using evals::RunRecord;
using evals::SampleOutcome;

struct RunShape {
  std::string suite, profile, variant, model, dataset;
  int num_rows = 0;
  int epochs = 1;
  double skill = 0;
  std::uint64_t seed = 0;
  int num_failed = 0;
};

constexpr std::array kDomains{"Physics", "Chemistry", "Biology", "Arithmetic & logic"};
constexpr std::array kLevels{"easy", "medium", "hard"};

std::vector<SampleOutcome> outcomes_of(const RunShape& shape) {
  stats::Random random(shape.seed);
  std::vector<SampleOutcome> outcomes;
  for (int row = 0; row < shape.num_rows; ++row) {
    const double ease = 0.9 - 0.2 * (row % 3);
    for (int epoch = 0; epoch < shape.epochs; ++epoch) {
      SampleOutcome outcome;
      outcome.row = row;
      outcome.epoch = epoch;
      outcome.sample_id = shape.suite + "-" + std::to_string(1000 + row);
      outcome.cluster = outcome.sample_id;
      outcome.gold = "C";
      outcome.metadata = {{"domain", kDomains[static_cast<std::size_t>(row) % kDomains.size()]},
                          {"level", kLevels[static_cast<std::size_t>(row) % kLevels.size()]}};
      outcome.prompt_tokens = 120;
      outcome.completion_tokens = 30;
      const double luck = random.uniform();
      if (row < shape.num_failed) {
        outcome.score.state = AnswerState::kFailed;
        outcome.failure = "timeout after 60 s";
      } else if (luck > 0.97) {
        outcome.score.state = AnswerState::kUnparsed;
      } else if (luck > 0.955) {
        outcome.score.state = AnswerState::kTruncated;
      } else {
        outcome.score.state = AnswerState::kScored;
        outcome.score.value = random.uniform() < shape.skill * ease ? 1 : 0;
        outcome.score.answer = outcome.score.value == 1 ? "C" : "A";
      }
      outcomes.push_back(outcome);
    }
  }
  return outcomes;
}

RunRecord record_of(const RunShape& shape, const std::string& id) {
  RunRecord run;
  run.run_id = id;
  run.suite = shape.suite;
  run.profile = shape.profile;
  run.variant = shape.variant;
  run.model = shape.model;
  run.method = "generate";
  run.dataset = shape.dataset;
  run.epochs = shape.epochs;
  run.expected_answers = shape.num_rows * shape.epochs;
  run.seed = 7;
  run.complete = shape.num_failed == 0;
  run.started_at = "2026-11-23T22:15:03Z";
  run.finished_at = "2026-11-23T22:15:40Z";
  run.wall_s = 36.71;
  run.manifest = {
      {"digests",
       {{"weights", std::string(64, 'a')},
        {"prompt", shape.variant == "direct" ? std::string(64, '1') : std::string(64, '2')},
        {"dataset", std::string(64, 'd')},
        {"sampling", std::string(64, 'e')}}},
      {"values",
       {{"weights", shape.model},
        {"prompt", {{"variant", shape.variant}, {"text", "Secret question text?"}}},
        {"dataset", {{"name", shape.dataset}}},
        {"sampling", {{"temperature", 0.0}, {"max_tokens", 256}}}}}};
  evals::Summarizer summarizer({.epochs = shape.epochs, .breakdowns = {"domain", "level"}});
  for (const SampleOutcome& outcome : outcomes_of(shape)) summarizer.add(outcome);
  summarizer.summary().apply_to(run);
  return run;
}

evals::OutcomeStream stream_of(const RunShape& shape, bool hostile = false) {
  const auto outcomes = std::make_shared<std::vector<SampleOutcome>>(outcomes_of(shape));
  // An answer that would take over a page, a table or a terminal if it were not escaped.
  if (hostile) {
    for (SampleOutcome& outcome : *outcomes) {
      if (outcome.score.value == 0 && !outcome.score.answer.empty()) {
        outcome.score.answer =
            "</td><script>alert(1)</script> | **bold** `tick` \x1b[31mred \u202Eright-to-left";
        break;
      }
    }
  }
  const auto position = std::make_shared<std::size_t>(0);
  return [outcomes, position]() -> std::optional<SampleOutcome> {
    if (*position == outcomes->size()) return std::nullopt;
    return (*outcomes)[(*position)++];
  };
}

// Text that would take over a page, a table or a terminal wherever it got through.
constexpr const char* kHostile =
    "</script><script>document.title='owned'</script>"
    "<img src=x onerror=\"document.title='owned'\"><!-- <svg onload=alert(1)>\n"
    "line two \x1b[31mred \u202Eright-to-left ```\n# heading | cell";

AnswerStory answer_story(double value, const std::string& answer, const std::string& response) {
  AnswerStory story;
  story.score.value = value;
  story.score.state = answer.empty() ? AnswerState::kUnparsed : AnswerState::kScored;
  story.score.answer = answer;
  story.score.rule = answer.empty() ? "" : "answer-colon";
  story.score.why = answer.empty() ? "no answer in the text" : "extracted " + answer;
  story.gold = "C";
  story.finish_reason = "stop";
  story.response = response;
  story.completion_tokens = 31;
  story.latency_s = 0.42;
  return story;
}

SampleSection flipped_samples() {
  SampleSection section;
  section.title = "gpqa: questions that changed";
  section.labels = {"A: direct, bundled (gpqa-1)", "B: chain-of-thought, bundled (gpqa-2)"};
  const auto sample = [&](const std::string& id, AnswerStory a, AnswerStory b) {
    SampleStory story;
    story.id = id;
    story.metadata = {{"domain", "Physics"}};
    Message shown = Message::from_text("user", "Which of these falls faster?\nA) one\nC) three");
    Part picture;
    picture.kind = PartKind::kImage;
    // What begins as a PNG does; and what only says that it is a picture.
    picture.bytes = std::string("\x89PNG\r\n\x1a\n", 8) + "pixels";
    shown.parts.push_back(picture);
    picture.bytes = "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>";
    shown.parts.push_back(picture);
    story.sides = {{.prompt = {shown}, .answers = {std::move(a)}},
                   {.prompt = {shown, Message::from_text("user", "Think in steps.")},
                    .answers = {std::move(b)}}};
    section.samples.push_back(std::move(story));
  };
  sample("gpqa-1003", answer_story(0, "A", "The heavier one. Answer: A"),
         answer_story(1, "C", "The heavier one falls as fast. Answer: C"));
  sample("gpqa-1010", answer_story(1, "C", "Answer: C"), answer_story(0, "", kHostile));
  section.num_left_out = 3;
  return section;
}

RunDetails details_of(const RunShape& shape) {
  RunDetails details;
  std::vector<double> latency, confidence, correct;
  stats::Random random(shape.seed + 100);
  for (int i = 0; i < 200; ++i) {
    latency.push_back(0.2 - std::log(1 - random.uniform()));
    confidence.push_back(0.25 + 0.75 * random.uniform());
    correct.push_back(random.uniform() < confidence.back() - 0.1 ? 1 : 0);
  }
  details.distributions = {*distribution_of("Latency", "s", latency)};
  details.calibration = calibration_of("stated probability", confidence, correct, 1);
  if (shape.num_failed > 0) {
    details.failures = {{"timeout after 60 s", 8, {"aime-1000", "aime-1001"}}};
  }
  return details;
}

// A policy of which each kind of verdict comes about once.
GateSection gates() {
  GateSection section;
  const auto add = [&](const std::string& target, evals::GateKind kind, double bound,
                       evals::GateStatus status, double estimate, double half) {
    evals::GateResult result;
    result.gate.target = evals::parse_gate_target(target);
    result.gate.kind = kind;
    result.gate.bound = bound;
    if (kind == evals::GateKind::kNoWorse) result.gate.baseline = "last-green@main";
    result.status = status;
    result.run_id = "gpqa-1";
    result.estimate = estimate;
    result.low = estimate - half;
    result.high = estimate + half;
    result.num_items = 240;
    result.why = status == evals::GateStatus::kPass ? "shown, p = 0.001" : "neither shown";
    section.report.gates.push_back(result);
  };
  add("gpqa", evals::GateKind::kMin, 0.6, evals::GateStatus::kPass, 0.7, 0.05);
  add("gpqa.unparsed", evals::GateKind::kMax, 0.02, evals::GateStatus::kFail, 0.05, 0.015);
  add("gpqa", evals::GateKind::kNoWorse, 0.02, evals::GateStatus::kUndecided, -0.01, 0.04);
  section.report.gates[2].flips = evals::FlipCauses{.failure = 1, .answer = 12};
  section.report.gates[2].questions_needed = 1200;
  add("gpqa.latency.p95", evals::GateKind::kMax, 10, evals::GateStatus::kPass, 4.2, 0.3);
  section.report.gates[3].low.reset();
  section.report.status = evals::GateStatus::kFail;
  section.report.headline = "Failed: gpqa.unparsed <= 0.02 (2 of 4 gates pass).";
  return section;
}

// Nights that hold until the last one drops out of its limits.
evals::SeriesReport nights() {
  evals::SeriesReport series;
  series.suite = "gpqa";
  series.model = "bundled";
  series.variant = "direct";
  series.metric = "score";
  for (int i = 0; i < 12; ++i) {
    evals::NightJudgement night;
    night.night = "2026-11-" + std::to_string(11 + i);
    night.num_questions = 240;
    night.estimate = i == 11 ? 0.61 : 0.70 + 0.01 * (i % 3);
    night.low = night.estimate - 0.06;
    night.high = night.estimate + 0.06;
    night.counted = true;
    if (i >= 8) {
      night.center = 0.71;
      night.limit_low = 0.66;
      night.limit_high = 0.76;
    }
    night.verdict = i < 8     ? evals::SeriesVerdict::kTooLittleHistory
                    : i == 11 ? evals::SeriesVerdict::kDropped
                              : evals::SeriesVerdict::kSteady;
    night.sentence = i == 11 ? "dropped by 10.0 points" : "steady";
    series.nights.push_back(night);
  }
  return series;
}

}  // namespace

Report example_report() {
  const RunShape direct{"gpqa", "simple-evals", "direct", "bundled", "gpqa-sample", 240,
                        1,      0.72,           1,        0};
  RunShape steps{
      "gpqa", "simple-evals", "chain-of-thought", "bundled", "gpqa-sample", 240, 1, 0.98, 1, 0};
  steps.seed = 2;
  const RunShape aime{"aime", "official", "direct", "bundled", "aime-sample", 60, 4, 0.8, 3, 2};
  const RunShape one_expert{
      "aime", "official", "direct", "bundled?num_experts_per_tok=1", "aime-sample", 60, 4,
      0.74,   4,          0};
  const RunShape gated{"gpqa",
                       "simple-evals",
                       "direct",
                       "openai:m<1>@http://host:8000/v1",
                       "gpqa_diamond",
                       198,
                       1,
                       0.6,
                       5,
                       0};
  RunShape gated_steps = gated;
  gated_steps.variant = "chain-of-thought";
  gated_steps.seed = 6;

  Report report;
  report.title = "Prompts & model variants";
  report.generated_at = "2026-11-23T22:20:00Z";
  report.version = "0.1.0";
  report.notes = {"Two prompts and two model variants on the bundled model."};
  report.commands = {"peira report --compare gpqa-1,gpqa-2 --vary prompt -o report.html"};
  report.runs = {record_of(direct, "gpqa-1"), record_of(steps, "gpqa-2"),
                 record_of(aime, "aime-1"),   record_of(one_expert, "aime-2"),
                 record_of(gated, "gated-1"), record_of(gated_steps, "gated-2")};
  report.runs[4].restricted = report.runs[5].restricted = true;
  report.runs[4].limited = true;
  evals::ComparisonOptions options;
  options.max_flips = 12;
  report.comparisons.push_back(evals::compare_outcomes(report.runs[0], report.runs[1],
                                                       stream_of(direct, true), stream_of(steps),
                                                       {"prompt"}, options));
  report.comparisons.push_back(evals::compare_outcomes(report.runs[2], report.runs[3],
                                                       stream_of(aime), stream_of(one_expert),
                                                       {"weights", "engine"}, options));
  report.comparisons.push_back(evals::compare_outcomes(report.runs[4], report.runs[5],
                                                       stream_of(gated), stream_of(gated_steps),
                                                       {"prompt"}, options));
  report.details = {details_of(direct), details_of(steps), details_of(aime)};
  report.details[0].cost = Cost{.dollars = 0.4231,
                                .prompt_tokens = 28'800,
                                .completion_tokens = 7'200,
                                .input_price = 1.25,
                                .output_price = 10};
  report.samples = {flipped_samples()};
  report.gates = {gates()};
  report.series = {nights()};
  return report;
}

}  // namespace peira::reports
