// When a run may stop: a claim about its score, asked of the questions in random order, that is
// decided as soon as the questions so far leave no doubt at the stated error.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "evals/run_record.h"
#include "evals/suite.h"
#include "stats/betting_test.h"

namespace peira::evals {

// A claim: the mean over all questions of the benchmark, as this very run would score them, stands
// in `relation` to `threshold`. Of a difference: of the run's score less the reference's, question
// by question.
struct StopRule {
  enum class Relation { kAtLeast, kAbove, kAtMost, kBelow };

  std::string text;   // as given, without spaces around its parts
  std::string suite;  // the suite it names; "" for whichever
  // "score", or a share of all answers: "unparsed", "truncated", "empty", "refused"; or "pass@K".
  std::string metric = "score";
  Relation relation = Relation::kAtLeast;
  double threshold = 0;
  // A run, or "against": the claim is about the difference to it; "" for a claim about a score.
  std::string reference;

  bool is_difference() const { return !reference.empty(); }
  // Another name of the reference, in the text too: the full id of a run given as "latest".
  void name_reference(const std::string& name);
};

inline constexpr const char* kAgainst = "against";  // the reference that runs beside

// Reads a rule:
//   METRIC >= X     also <=, > and <; X is 0.8 or 80%. METRIC is a suite's name or "score" (also
//                   "accuracy", "avg@N"), a share of the answers (unparsed, truncated, empty,
//                   refused), or pass@K; SUITE.METRIC of one suite among several
//   no-worse-than RUN by X     score at least RUN's less X; X > 0
//   better-than RUN [by X]     score above RUN's, or at least X above it
// RUN is a stored run, or "against": the arm given with --against.
//
// suites  names of the suites of the command.
// throws  Error(kUsage) naming the rule and what it could be.
StopRule parse_stop_rule(const std::string& text, std::span<const std::string> suites);

// One epoch's part in a question.
struct EpochResult {
  AnswerState state = AnswerState::kFailed;
  double value = 0;
};

// What a question can be worth: equal ends once it is known. A failed answer is unresolved: it
// could have had any score.
struct QuestionValue {
  double low = 0;
  double high = 1;
};

// Of `metric` as in StopRule, over the epochs of one question.
// throws Error(kUsage): pass@K with more than the epochs there are, or of scores between 0 and 1.
QuestionValue question_value(const std::string& metric, std::span<const EpochResult> epochs);

// Decides a rule from questions fed in the seeded order. Each side is tested at the full error
// level, by a betting test without replacement from the benchmark: only one of them can be wrong.
// Unresolved questions count against either side, so that no way they could have gone would have
// made a decision wrong. What cannot change any more whatever the rest is decided with certainty;
// so is everything once all questions are known.
//
// cost  16 bytes a question.
class StopDecider {
 public:
  // num_questions  of the benchmark as the run would ask it, N >= 1.
  // throws         Error(kUsage) "InvalidProbability": error outside (0, 1/2).
  StopDecider(const StopRule& rule, double error, std::int64_t num_questions);

  // The next question: its score, in [0, 1], or its difference, in [-1, 1].
  void add(const QuestionValue& value);

  bool decided() const { return verdict_ != Verdict::kUndecided; }
  Verdict verdict() const { return verdict_; }
  std::int64_t num_used() const { return static_cast<std::int64_t>(lows_.size()); }

  // Rule, verdict, why, questions used, estimate and interval; the rest is the runner's to fill.
  StopDecision decision() const;

 private:
  void look();
  double scaled(double value) const;  // to [0, 1]

  StopRule rule_;
  double error_;
  std::int64_t num_questions_;
  double threshold_;  // in [0, 1]
  stats::BettingTest up_, down_;
  std::vector<double> lows_, highs_;
  double low_sum_ = 0, high_sum_ = 0, resolved_sum_ = 0;
  std::int64_t num_unresolved_ = 0;
  Verdict verdict_ = Verdict::kUndecided;
  bool certain_ = false;
};

// The decision in one sentence: "Decided: gpqa>=0.8 is true (error 5 %) after 87 of 240 questions
// (64 % saved); score 0.89, ..."
std::string decision_sentence(const StopDecision& decision);

// As stored, and back. throws Error(kData).
Json to_json(const StopDecision& decision);
StopDecision decision_from_json(const Json& json, const std::string& where);

const char* to_string(Verdict verdict);  // "true", "false", "undecided"

}  // namespace peira::evals
