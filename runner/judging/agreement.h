// How far two judges, or a judge and people, agree on the same replies.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "runner/store.h"
#include "stats/agreement.h"
#include "stats/prediction_powered.h"

namespace peira::runner {

struct Disagreement {
  std::string sample_id;
  int epoch = 0;
  double value_a = 0, value_b = 0;
  std::string why_a, why_b;
};

struct JudgeAgreement {
  std::int64_t num_items = 0;     // answers with a verdict by both
  std::int64_t num_left_out = 0;  // of them one has none
  double mean_a = 0, mean_b = 0;
  std::vector<double> categories;                 // verdicts that were given, rising
  std::vector<std::vector<std::int64_t>> counts;  // [a][b], by category
  double observed = 0;                            // share of equal verdicts
  // Cohen's kappa, weighted by squared distance where there are more than two categories; empty
  // where it is not defined, `why_no_kappa` then saying why.
  std::optional<stats::Kappa> kappa;
  std::string why_no_kappa;
  std::optional<double> ac1;                // Gwet's, unweighted
  std::vector<Disagreement> disagreements;  // widest first, then in the order of the run
};

// Of two runs of the same replies. Verdicts of more than 21 different values are rounded to tenths.
// throws  Error(kUsage): they do not have the same replies; Error(kData): no answer has both
//         verdicts.
JudgeAgreement judge_agreement(const Store& store, const std::string& run_a,
                               const std::string& run_b);

// What labels of people make of a judged run.
struct LabelledScore {
  std::int64_t num_labels = 0;      // used: of questions with a verdict
  std::int64_t num_unlabelled = 0;  // questions with a verdict and no label
  double judge_mean = 0;            // over all questions
  stats::PredictionPoweredMean labels_alone;
  // Empty when every question has a label.
  std::optional<stats::PredictionPoweredMean> powered;
  std::optional<stats::Kappa> kappa;  // judge and label, where both are right or wrong
};

// labels  a CSV, JSONL or Parquet file with "id" or "row" and "label": a number in [0, 1], true or
//         false, yes or no.
// throws  Error(kData): a bad label, an unknown question, fewer than two labels with a verdict.
LabelledScore score_with_labels(const Store& store, const std::string& run_id,
                                const std::filesystem::path& labels);

}  // namespace peira::runner
