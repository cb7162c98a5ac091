// From single outcomes to what a run says of itself: counts, metrics with intervals, breakdowns.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "evals/run_record.h"

namespace peira::evals {

struct SummaryOptions {
  int epochs = 1;                       // answers asked for per sample
  std::vector<std::string> breakdowns;  // metadata fields, in the order of the report
  // Questions of the data set when the figures of "Humanity's Last Exam" are wanted beside ours,
  // computed as its own code does; 0: not wanted.
  std::int64_t num_hle_questions = 0;
};

// What a Summarizer knows at the end: the same fields as in RunRecord.
struct RunSummary {
  std::int64_t num_samples = 0;
  std::int64_t prompt_tokens = 0, completion_tokens = 0;
  StateCounts states;
  std::vector<Metric> metrics;  // the first is the headline
  std::vector<BreakdownRow> breakdowns;
  std::vector<std::string> warnings;

  // Puts all of it into `record`; warnings are appended.
  void apply_to(RunRecord& record) const;
};

// Reads outcomes one by one, ordered by row and then epoch. Memory is flat in the number of
// samples, but for one running sum per cluster where clusters hold several samples.
//
// What counts. A state without an answer (unparsed, truncated, empty, refused) scores 0, as
// official graders have it. A failure is no answer: it is left out of every mean, counted in
// `states` and in the metric "failed", and named in a warning; whether there are too many of them
// for the run to be complete is the runner's limit to judge. A sample's score is the mean over the
// epochs that have an answer, so that each question weighs the same; a sample whose epochs all
// failed has no score.
//
// Metrics, in this order:
//   accuracy | avg@N   mean sample score (N = epochs > 1); `num_samples` has a score
//   maj@N              epochs > 1: score of the most frequent answer, ties to the earliest
//   pass@k             epochs > 1 and all scores 0 or 1: k = 1, 2, 4, 5, 8 ... and N; a sample with
//   fewer
//                      than k answers has none
//   unparsed, truncated, empty, refused, failed   shares of all answers asked, failures included
//   guessed            share, only where an official grader guessed
//   official_accuracy, expected_accuracy   OfficialAccuracy, where official code guesses or leaves
//   out confidence         mean of those stated (noted_confidence), each held within [0, 1]; only
//   where
//                      there are any, as the next
//   calibration_error  root mean square gap of confidence and score over ten bins of equal mass;
//                      its interval is of 1,000 resamples
//   official_accuracy, official_calibration_error   hle_figures(), where wanted and one epoch
// Intervals at 95 %: "wilson" where samples are independent and score 0 or 1, else "clustered-t"
// (CR1, t with clusters - 1 degrees of freedom, cut off at 0 and 1). When nothing varies between
// clusters a t interval would claim certainty: then "wilson-clusters", Wilson's on as many trials
// as there are clusters.
//
// threads: one at a time.
class Summarizer {
 public:
  explicit Summarizer(SummaryOptions options);
  ~Summarizer();
  Summarizer(Summarizer&&) noexcept;
  Summarizer& operator=(Summarizer&&) noexcept;

  // throws Error(kData): (row, epoch) does not come after the one before, or the score is not in
  //        [0, 1].
  void add(const SampleOutcome& outcome);

  // May be asked at any time; a sample in the middle of its epochs counts with those it has.
  RunSummary summary() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace peira::evals
