// The options of `peira run` by which a run stops as soon as a claim is decided.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "evals/stop_rule.h"
#include "runner/decision_control.h"
#include "runner/executor.h"

namespace peira::runner::cli {

struct StopFlags {
  std::vector<std::string> rules;
  double error = 0.05;
  std::string against;
};
void add_stop_flags(CLI::App& app, StopFlags& flags);

// The arm that --against names: the run in question but for its model or its prompt.
struct AgainstArm {
  std::string model;                            // "" keeps the model
  std::optional<evals::PromptVariant> variant;  // empty keeps the prompt
};

// "prompt=NAME" and "model=NAME" say which; else the name of a prompt or an existing file that is
// no .gguf is a prompt, anything else a model. Empty text: no arm.
// throws Error(kUsage), (kData): as evals::parse_variant.
std::optional<AgainstArm> parse_against(const std::string& text);

// The rule of each planned run, in their order; empty where a run has none.
// throws Error(kUsage): rules that contradict, speak of no suite of the command, or do not go with
//        --against.
std::vector<std::optional<evals::StopRule>> rules_for(const StopFlags& flags,
                                                      const std::vector<RunOptions>& planned);

// What decides `rule` for a run with `options`; a stored run it speaks of is looked up.
std::unique_ptr<DecisionControl> control_for(const Store& store, evals::StopRule rule,
                                             const StopFlags& flags, const RunOptions& options);

// The exit status of runs with and without decisions: undecided or incomplete before false.
int decision_status(const std::vector<evals::RunRecord>& records, bool incomplete);

}  // namespace peira::runner::cli
