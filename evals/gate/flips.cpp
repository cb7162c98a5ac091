#include <utility>

#include "evals/gate/gate.h"

namespace peira::evals {

const char* flip_cause(const SampleOutcome& before, const SampleOutcome& after, bool same_reply) {
  const auto either = [&](AnswerState state) {
    return before.score.state == state || after.score.state == state;
  };
  if (same_reply) {
    return before.score.answer == after.score.answer && before.score.state == after.score.state
               ? "judge"
               : "extraction";
  }
  if (either(AnswerState::kFailed)) return "failure";
  if (either(AnswerState::kTruncated)) return "truncation";
  if (either(AnswerState::kRefused)) return "refusal";
  if (either(AnswerState::kUnparsed) || either(AnswerState::kEmpty)) return "extraction";
  if (before.score.answer == after.score.answer && before.gold == after.gold) return "judge";
  return "answer";
}

FlipCauses explain_flips(const GateArm& before, const GateArm& after) {
  std::map<std::pair<std::string_view, int>, const SampleOutcome*> by_id;
  for (const SampleOutcome& outcome : before.outcomes) {
    by_id.emplace(std::pair(std::string_view(outcome.sample_id), outcome.epoch), &outcome);
  }
  FlipCauses causes;
  const bool same_reply = !before.replies.empty() && before.replies == after.replies;
  for (const SampleOutcome& outcome : after.outcomes) {
    const auto found = by_id.find({outcome.sample_id, outcome.epoch});
    if (found == by_id.end()) continue;
    const SampleOutcome& was = *found->second;
    const bool failed_once =
        (was.score.state == AnswerState::kFailed) != (outcome.score.state == AnswerState::kFailed);
    if (was.score.value == outcome.score.value && !failed_once) continue;
    const std::string_view cause = flip_cause(was, outcome, same_reply);
    causes.failure += cause == "failure";
    causes.truncation += cause == "truncation";
    causes.refusal += cause == "refusal";
    causes.extraction += cause == "extraction";
    causes.judge += cause == "judge";
    causes.answer += cause == "answer";
  }
  return causes;
}

std::string flips_sentence(const FlipCauses& causes) {
  if (causes.total() == 0) return "no verdict moved";
  std::string text = std::to_string(causes.total()) +
                     (causes.total() == 1 ? " verdict moved: " : " verdicts moved: ");
  bool first = true;
  for (const auto& [count, name] :
       {std::pair{causes.answer, "another answer"}, std::pair{causes.extraction, "extraction"},
        std::pair{causes.truncation, "truncation"}, std::pair{causes.refusal, "refusal"},
        std::pair{causes.failure, "failure"}, std::pair{causes.judge, "the judge"}}) {
    if (count == 0) continue;
    text += (first ? "" : ", ") + std::to_string(count) + " by " + name;
    first = false;
  }
  return text;
}

}  // namespace peira::evals
