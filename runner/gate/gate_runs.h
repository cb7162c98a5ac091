// Gates over stored runs: the policy file, the baselines it names, the verdict.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "evals/gate/gate.h"
#include "runner/endpoints/prices.h"
#include "runner/store.h"
#include "runner/tags.h"

namespace peira::runner {

// A policy with what may differ from its baselines.
struct GatePlan {
  evals::GatePolicy policy;
  std::vector<std::string> vary;  // words of `peira compare --vary`
  std::optional<PriceTable> prices = {};
};

// A policy file; prices are a table as PriceTable reads it, or the file of one, from the policy's
// folder:
//   {"alpha": 0.05, "vary": ["model"], "prices": {"gpt-x": {"input": 1.25, "output": 10}},
//    "gates": [{"target": "gpqa", "min": 0.8, "min_items": 198, "weight": 2},
//              {"target": "gpqa.unparsed", "max": 0.02},
//              {"target": "gpqa", "no_worse_than": "last-green@main", "by": 0.01},
//              {"target": "aime", "equivalent_to": "engine-1", "within": 0.02}]}
// With "families": [{"name": "primary"}, {"name": "details", "share": 0.2}] every gate names its
// "family"; "families": "fixed-sequence" ranks the gates one by one.
// throws Error(kUnavailable): cannot be read; Error(kData) "FILE: gates[1].mni: ..." naming the
//        path and the keys allowed there, or what evals::check_policy() says.
GatePlan read_gate_plan(const std::filesystem::path& file);
GatePlan parse_gate_plan(std::string_view text, const std::string& where);
// The same of a policy within a larger file.
// path    of the policy in it, "gates[0]"; "" for the whole.
// folder  where relative paths start.
GatePlan gate_plan_from(const Json& policy, const std::string& where, const std::string& path,
                        const std::filesystem::path& folder);

// What a run's tokens cost; empty functions know no price and refuse no baseline.
struct GateSources {
  std::function<std::optional<Price>(const RunInfo&)> price = {};
  std::function<bool(const RunInfo&)> may_be_last_green = {};
};
// Prices of the plan's own table, else of `otherwise`.
GateSources gate_sources(const GatePlan& plan, const PriceTable& otherwise);

// The run with all its outcomes. cost: its columns in memory, about 500 bytes an answer.
evals::GateArm load_gate_arm(const Store& store, const std::string& run_id,
                             const GateSources& sources = {});

// Judges `runs` (full ids, one a suite) by `plan`.
// throws  as evals::evaluate(); Error(kUsage): a baseline is no run, or differs from its candidate
//         in its data set or in what `vary` does not name (says which and how).
evals::GateReport gate_runs(const Store& store, const Tags& tags, const GatePlan& plan,
                            std::span<const std::string> runs, const GateSources& sources = {});

}  // namespace peira::runner
