// Runs of suites whose questions are conversations.
#pragma once

#include <memory>
#include <optional>

#include "evals/suites/aider/totals.h"
#include "runner/executor.h"
#include "runner/store.h"

namespace peira::runner {

// execute_run() for a suite with Profile::episode: `options.programs` runs what conversations need,
// with the toolchains of `options.toolchains`.
//
// throws  as execute_run(); Error(kUsage): no programs can be run, or the run is to stop early.
RunOutcome execute_episode_run(Store& store, ModelClient& model, const RunOptions& options);

// The sums of a run of aider's benchmark, of all and by language; empty for other runs. Answers
// without a record, those that failed, count as crashed.
struct EditingTotals {
  std::string edit_format;
  evals::aider::Totals all;
  std::map<std::string, evals::aider::Totals> by_language;
};
std::optional<EditingTotals> editing_totals(const Store& store, const std::string& run_id);

}  // namespace peira::runner
