// Scores over time: the complete runs of one suite, prompt and model on one data file, one after
// another, and whether the newest is worse than those before it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runner/store.h"

namespace peira::runner {

struct QualitySeries {
  std::string suite, profile, variant, model, method;
  std::vector<RunInfo> runs;  // complete ones, the oldest first
};

// Series whose newest run finished by `until_ms`, by suite, profile, prompt and model; runs later
// than that are left out, as are stopped, rescored and incomplete ones. "" is any suite or model.
std::vector<QualitySeries> quality_series(const Store& store, const std::string& suite,
                                          const std::string& model, std::int64_t until_ms);

// When a run finished, in milliseconds since 1970; 0 where it does not say.
std::int64_t finished_ms(const RunInfo& run);

struct QualityChange {
  double before = 0, after = 0;  // mean scores over the questions that both sides answered
  double difference = 0;         // after - before
  // Of the difference, paired by question, clustered; empty for a single cluster.
  std::optional<double> low, high;
  std::int64_t num_questions = 0;
  int num_runs = 0;  // compared with
};

// The newest run of `series` against the mean of up to `history` runs before it, question by
// question. Empty: no run before it, or no question that both answered.
//
// The interval knows the noise of answering and of the choice of questions, not of what else may
// change from one day to the next: `peira nightly` learns that from the runs themselves.
// cost   one pass over the columns of each run; memory a few numbers a question.
std::optional<QualityChange> newest_change(const Store& store, const QualitySeries& series,
                                           int history, double confidence);

}  // namespace peira::runner
