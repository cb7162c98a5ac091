// Gates over stored runs: the policy file, the baselines it names, the verdict.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "evals/gate/gate.h"
#include "runner/store.h"
#include "runner/tags.h"

namespace peira::runner {

// A policy with what may differ from its baselines.
struct GatePlan {
  evals::GatePolicy policy;
  std::vector<std::string> vary;  // words of `peira compare --vary`
};

// A policy file:
//   {"alpha": 0.05, "vary": ["model"], "prices": {"input": 1.25, "output": 10},
//    "gates": [{"target": "gpqa", "min": 0.8, "min_items": 198, "weight": 2},
//              {"target": "gpqa.unparsed", "max": 0.02},
//              {"target": "gpqa", "no_worse_than": "last-green@main", "by": 0.01},
//              {"target": "aime", "equivalent_to": "engine-1", "within": 0.02}]}
// throws Error(kUnavailable): cannot be read; Error(kData) "FILE: gates[1].mni: ..." naming the
// path
//        and the keys allowed there.
GatePlan read_gate_plan(const std::filesystem::path& file);
GatePlan parse_gate_plan(std::string_view text, const std::string& where);

// The run with all its outcomes. cost: its columns in memory, about 500 bytes an answer.
evals::GateArm load_gate_arm(const Store& store, const std::string& run_id);

// Judges `runs` (full ids, one a suite) by `plan`.
// throws  as evals::evaluate(); Error(kUsage): a baseline is no run, or differs from its candidate
//         in its data set or in what `vary` does not name (says which and how).
evals::GateReport gate_runs(const Store& store, const Tags& tags, const GatePlan& plan,
                            std::span<const std::string> runs);

}  // namespace peira::runner
