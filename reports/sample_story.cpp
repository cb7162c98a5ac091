#include "reports/sample_story.h"

namespace peira::reports {
namespace {

std::string word_of(double value) {
  if (value == 1) return "right";
  return value == 0 ? "wrong" : "partly";
}

}  // namespace

double SampleSide::value() const {
  double sum = 0;
  std::int64_t count = 0;
  for (const AnswerStory& answer : answers) {
    if (answer.score.state == evals::AnswerState::kFailed) continue;
    sum += answer.score.value;
    ++count;
  }
  return count == 0 ? 0 : sum / static_cast<double>(count);
}

bool SampleSide::has_score() const {
  for (const AnswerStory& answer : answers) {
    if (answer.score.state != evals::AnswerState::kFailed) return true;
  }
  return false;
}

std::string outcome_of(const SampleStory& sample) {
  for (const SampleSide& side : sample.sides) {
    if (!side.has_score()) return "no score";
  }
  if (sample.sides.empty()) return "no score";
  const double a = sample.sides.front().value();
  if (sample.sides.size() == 1) return word_of(a);
  const double b = sample.sides.back().value();
  const bool is_binary = (a == 0 || a == 1) && (b == 0 || b == 1);
  if (a == b) return is_binary ? "both " + word_of(a) : "both equal";
  if (is_binary) return b > a ? "to right" : "to wrong";
  return b > a ? "higher" : "lower";
}

}  // namespace peira::reports
