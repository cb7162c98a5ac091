// What a comparison of two runs would need: questions and epochs for a difference, and the smallest
// difference that a number of questions can show.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "evals/comparison.h"
#include "evals/run_record.h"
#include "stats/power.h"

namespace peira::evals {

// How one run's scores vary, from its outcomes.
struct RunVariance {
  std::int64_t num_questions = 0;  // with a score
  double mean = 0;
  double total = 0;              // of the questions' mean scores
  double inverse_epochs = 1;     // mean of 1 / answers
  std::optional<double> within;  // of one answer about its question's mean: two answers needed
  double design_effect = 1;      // of the clusters, on the mean
  bool binary = false;           // every question's score is 0 or 1
};

// throws Error(kData): fewer than two questions have a score.
RunVariance run_variance(const OutcomeStream& outcomes);

// What is known or assumed of the difference of two runs, question by question.
struct ComparisonPlan {
  stats::EvalDesign design;      // epochs to be set; sampling variances 0 when not split
  bool split = false;            // whether sampling noise is known apart, so that epochs matter
  double epochs = 1;             // at which an unsplit design holds
  double unpaired_variance = 0;  // of the two runs' scores on different questions, at `epochs`
  bool binary = false;           // one right or wrong answer a question: McNemar's form holds
  std::string basis;             // where the numbers come from, one sentence
};

// From two finished runs. throws Error(kData): too few pairs, or nothing differs.
ComparisonPlan plan_from(const Comparison& comparison);
// From one run and the correlation that another's scores would have with its own, over questions.
// throws Error(kUsage) "InvalidArgument": correlation outside [-1, 1).
ComparisonPlan plan_from(const RunVariance& pilot, double correlation);
// From a share of right answers; sampling_share: what of the variance of one answer is noise
// between answers to one question, in [0, 1]; empty: unknown.
ComparisonPlan plan_from(double score, double correlation, std::optional<double> sampling_share);

// Questions that McNemar's test needs for `difference`, of a plan that is binary.
stats::SampleSize mcnemar_size(const ComparisonPlan& plan, double difference,
                               const stats::PowerOptions& options);

}  // namespace peira::evals
