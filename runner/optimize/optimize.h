// Prompt optimisation over a model: selection.h with runs of the store as its answers.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "runner/endpoints/prices.h"
#include "runner/executor.h"
#include "runner/optimize/selection.h"

namespace peira::runner::optimize {

struct OptimizeOptions {
  RunOptions run;  // suite, profile, samples, shots, sampling ...; variant, name and limit are set
                   // here for each run
  std::vector<evals::PromptVariant> challengers;
  evals::PromptVariant reference;
  std::int64_t budget = 0;  // questions asked in all
  // What the search may spend besides, earlier sittings' part included; it stops where one is
  // spent, and continues under a larger one.
  std::optional<std::int64_t> token_budget = {};  // read and written
  std::optional<double> dollar_budget = {};       // at `price`
  std::optional<Price> price = {};
  double alpha = 0.05;
  double training_share = 0;  // of the clusters, from which few-shot examples are taken
  std::uint64_t seed = 0;     // of the split; the runs have their own
  std::function<void(const std::string&)> on_note;
};

struct OptimizeOutcome {
  Selection selection;
  HalvingPlan plan;
  Json split;                             // {"seed", "training_share", "training", "development",
                                          // "held_out", "sha256"}
  std::vector<std::string> runs;          // ids, in the order they were asked
  std::string winner_run, reference_run;  // of the final comparison
  std::int64_t questions_asked = 0;       // answers in the runs
  std::int64_t tokens = 0;                // read and written by what was asked, not cached
  std::optional<double> dollars;          // where the price is known
  bool complete = false;                  // no run was interrupted or had too many failures
  std::string why_stopped;
};

// Runs, or continues, a search for a better prompt. Every answer is in a stored run whose name
// depends on nothing but the options and the model, so that the same command continues where it
// was stopped and asks nothing twice.
//
// throws Error(kUsage): a budget in dollars without a price, a prompt given twice or equal to the
// reference, a strategy that does not
//        fit, few-shot prompts without a training part, a budget that is too small; as execute_run.
OptimizeOutcome optimize_prompt(Store& store, ModelClient& model, const OptimizeOptions& options);

}  // namespace peira::runner::optimize
