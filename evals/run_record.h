// The record of a run, types only: written by runner/, read by reports/ and by `peira compare`.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "evals/suite.h"

namespace peira::evals {

// One answer to one sample, judged. The small part of a sample's story: no prompt, no reply text.
struct SampleOutcome {
  std::string sample_id;
  std::int64_t row = 0;
  int epoch = 0;
  std::string cluster;
  std::string gold;  // what a person compares with: "C" as displayed, or "70"
  Score score;
  std::string finish_reason;  // "stop", "length", ...; "error" for failures
  std::string failure;        // why it failed, one line; "" when it did not
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  double latency_s = 0;
  std::map<std::string, std::string> metadata;  // breakdown fields
  // What answers of several epochs are counted under when they vote, free of the order options were
  // shown in: "option 2" in the file's order. "" counts under score.answer.
  std::string vote;
};

// A number with its uncertainty.
struct Metric {
  std::string name;  // "accuracy", "avg@4", "maj@4", "pass@2"
  double value = 0;
  std::optional<double> std_error;  // clustered by sample when epochs > 1
  std::optional<double> low, high;  // 95 %
  std::string interval;             // "wilson", "clustered-t" ...: how low and high were made
  std::int64_t num_samples = 0;     // what it averages over
  std::int64_t num_clusters = 0;    // groups of them that may be correlated; num_samples if none
};

struct StateCounts {
  std::int64_t scored = 0, unparsed = 0, truncated = 0, empty = 0, refused = 0, failed = 0;
  std::int64_t guessed = 0;     // of `scored`: by an official grader's own guess
  std::int64_t major_flag = 0;  // of the correct: parsed by a last resort (MathArena MAJOR)
  std::int64_t total() const { return scored + unparsed + truncated + empty + refused + failed; }
};

struct BreakdownRow {
  std::string field, value;  // "High-level domain", "Physics"
  Metric accuracy;
  StateCounts states;
};

enum class Verdict { kUndecided, kTrue, kFalse };

// How a run that may stop early ended: what was to be decided, and what was.
struct StopDecision {
  std::string rule;                       // "gpqa>=0.8"
  double error = 0.05;                    // most chance that the verdict is wrong
  Verdict verdict = Verdict::kUndecided;  // of the rule's claim
  bool certain = false;             // no way the remaining questions go could change the verdict
  std::int64_t num_used = 0;        // questions, in the seeded order, that the verdict rests on
  std::int64_t num_questions = 0;   // of the benchmark
  std::int64_t num_unresolved = 0;  // of num_used: failed, so counted as either way
  std::uint64_t order_seed = 0;     // of the order of the questions
  std::string reference;            // run compared with; "" for a claim about a score
  std::string role;                 // "against" of the arm compared with, run beside; else ""
  double threshold = 0;
  // Over the questions used that did not fail: the score, or the difference to the reference.
  std::optional<double> estimate;
  // Confidence sequence at 1 - 2 error (each end at 1 - error): may be looked at whenever.
  double low = 0, high = 1;
  std::vector<std::int64_t> rows_beyond;  // answered past the stopping point: kept, not counted

  bool stopped_early() const { return verdict != Verdict::kUndecided && num_used < num_questions; }
  double share_saved() const {  // of the questions
    return num_questions == 0
               ? 0
               : 1 - static_cast<double>(num_used) / static_cast<double>(num_questions);
  }
};

struct RunRecord {
  std::string run_id;
  std::string suite, profile, variant, model, method;  // method: "generate" or "loglikelihood"
  std::string dataset;                                 // name and digest in `manifest`
  Json manifest;  // {"digests": {part: hex}, "values": {part: what was digested}}
  std::int64_t expected_answers = 0;  // samples x epochs asked for
  int epochs = 1;
  std::uint64_t seed = 0;
  bool limited = false;     // --limit: fewer samples than the dataset has
  bool restricted = false;  // gated data: publish ids, verdicts and numbers only
  bool complete = false;    // every expected answer is there and failures are within limits
  std::string started_at, finished_at;  // UTC, ISO 8601
  double wall_s = 0;
  std::int64_t prompt_tokens = 0, completion_tokens = 0;
  StateCounts states;
  std::vector<Metric> metrics;  // the first is the headline
  std::vector<BreakdownRow> breakdowns;
  std::vector<std::string> warnings;  // one line each, e.g. "gold 0 at row 3 can never score ..."
  std::optional<StopDecision> decision;  // of a run with --stop-when
};

// One sample whose verdict differs between two runs.
struct Flip {
  std::string sample_id;
  double value_a = 0, value_b = 0;
  std::string answer_a, answer_b, gold;
  AnswerState state_a = AnswerState::kScored, state_b = AnswerState::kScored;
};

// What a margin asked for came to.
struct MarginTest {
  enum class Outcome { kPass, kFail, kInconclusive };
  double margin = 0;         // in score units, > 0
  double p = 1;              // of the null that the margin is overstepped
  double low = 0, high = 0;  // 90 % CI of the difference: inside the margin exactly when it passes
  Outcome outcome = Outcome::kInconclusive;
};

// The variance of one question's difference, taken apart (Miller 2024, arXiv:2411.00640).
struct VarianceParts {
  double observed = 0;                // of the questions' observed mean differences
  double epochs_a = 1, epochs_b = 1;  // answers a question; harmonic means where they vary
  // Of one answer's score about its question's own; empty without two answers a question.
  std::optional<double> sampling_a, sampling_b;
  // Of the true differences between questions: observed less sampling / epochs; may be negative.
  std::optional<double> questions;
  double design_effect = 1;  // by which clusters inflate the variance of the mean
  // Standard errors of the difference with endlessly many answers a question, and with one.
  std::optional<double> std_error_endless, std_error_single;

  // Of `observed`, what is sampling noise, in [0, 1]; empty where that is unknown.
  std::optional<double> sampling_share() const;
};

// B against A, paired by sample.
struct Comparison {
  RunRecord a, b;
  std::vector<std::string> varied;  // digest parts that differ, each declared with --vary
  std::int64_t num_pairs = 0;
  std::int64_t only_in_a = 0, only_in_b = 0;
  double mean_a = 0, mean_b = 0;               // over the pairs
  double difference = 0;                       // mean_b - mean_a
  std::optional<double> std_error, low, high;  // clustered, 95 %
  std::string interval;                        // how low and high were made, as in Metric
  std::optional<double> p_value;               // paired t, two-sided
  std::optional<double> mcnemar_p;    // exact, when both arms are 0/1 and pairs stand alone
  std::optional<double> effect_size;  // Cohen's d_z
  std::optional<double> correlation;  // of the two arms over the pairs
  std::optional<double> detectable;   // true difference found four times in five at 95 %
  Metric score_a, score_b;            // the arms over the pairs, each with its own interval
  std::int64_t num_clusters = 0;      // independent groups of pairs
  std::int64_t failed_pairs = 0;      // in both runs, but one of them has no answer: not compared
  bool binary = false;                // every pair is right or wrong on both sides
  std::int64_t to_right = 0, to_wrong = 0;  // pairs where B scores higher, lower
  std::vector<Flip> flips;                  // in the order of A; at most the limit asked for
  bool paired = true;                       // false: each arm stands for its own questions
  std::string test;                         // what made p_value: "paired t, clustered", "Welch t"
  std::optional<double> df;                 // of its t
  std::optional<double> mcnemar_mid_p;
  std::optional<double> tango_low, tango_high;    // score interval of right/wrong pairs
  std::optional<double> effect_low, effect_high;  // of effect_size
  std::optional<double>
      permutation_p;  // fewer than 20 clusters: exact over flips of whole clusters
  std::optional<VarianceParts> variance;
  std::optional<MarginTest> equivalence;  // --equivalent-within
  std::optional<MarginTest> no_worse;     // --no-worse-by
  std::string advice;                     // what to buy more of, questions or epochs; may be ""
  std::string verdict;                    // one plain sentence, or two

  bool has_difference() const { return num_pairs > 0 || !paired; }
};

}  // namespace peira::evals
