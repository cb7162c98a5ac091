#include "evals/metrics/official_accuracy.h"

#include <charconv>
#include <string>
#include <utility>

namespace peira::evals {
namespace {

// N of "official-guess-of-N"; 0 for any other note.
int options_of(std::string_view note) {
  int count = 0;
  if (!note.starts_with(kGuessNote)) return 0;
  note.remove_prefix(kGuessNote.size());
  std::from_chars(note.data(), note.data() + note.size(), count);
  return count;
}

Metric figure(std::string name, double value, std::int64_t num_samples) {
  Metric metric;
  metric.name = std::move(name);
  metric.value = value;
  metric.num_samples = num_samples;
  return metric;
}

}  // namespace

void OfficialAccuracy::add(const SampleOutcome& outcome) {
  const Score& score = outcome.score;
  if (score.state == AnswerState::kFailed) return;
  for (const std::string& note : score.notes) {
    if (note == kUncountedNote) {
      ++num_uncounted_;
      return;
    }
    if (const int num_options = options_of(note); num_options > 0) {
      ++num_guesses_;
      ++num_counted_;
      const std::string drawn(1, static_cast<char>('A' + guesses_.next(num_options)));
      num_guessed_right_ += drawn == outcome.gold ? 1 : 0;
      expected_right_ += 1.0 / num_options;
      return;
    }
  }
  ++num_counted_;
  num_right_ += score.value;
}

void OfficialAccuracy::append_to(std::vector<Metric>& metrics) const {
  if (num_counted_ == 0 || num_guesses_ + num_uncounted_ == 0) return;
  const auto n = static_cast<double>(num_counted_);
  metrics.push_back(
      figure("official_accuracy", (num_right_ + num_guessed_right_) / n, num_counted_));
  if (num_guesses_ > 0)
    metrics.push_back(
        figure("expected_accuracy", (num_right_ + expected_right_) / n, num_counted_));
}

}  // namespace peira::evals
