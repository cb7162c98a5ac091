// From the store to what reports say beyond a run's record: lengths and times, failures,
// calibration, and the samples themselves.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "reports/run_details.h"
#include "reports/sample_story.h"
#include "runner/run_cost.h"
#include "runner/store.h"

namespace peira::runner {

// Of one run, without answers past its stopping point. Confidences exist where options were weighed
// by log-likelihood: the share that the chosen option has of the options' probability.
// throws  Error(kUsage): no such run.
// cost    one pass over the columns; over the transcripts too for log-likelihood runs.
reports::RunDetails run_details(const Store& store, const std::string& run_id);

// What a run cost, as a report has it.
std::optional<reports::Cost> report_cost(const std::optional<RunCost>& cost);

// Which samples a report holds.
enum class SampleChoice {
  kNone,
  kFlipped,  // score higher in one run than in the other; of a single run none
  kWrong,    // not fully right in a run, failures included
  kAll
};
// throws Error(kUsage): none of "none", "flipped", "wrong", "all".
SampleChoice sample_choice(const std::string& name);

struct SampleLimits {
  std::size_t samples = 10'000;
  std::size_t bytes = std::size_t{48} << 20U;  // of prompts and replies
};

// The chosen samples of one run, or of two paired by id, in the order of the first.
//
// runs    one id or two.
// throws  Error(kUsage): no such run.
// cost    one pass over the columns of each run, then reads the chosen samples' transcripts.
reports::SampleSection sample_section(const Store& store, const std::vector<std::string>& runs,
                                      SampleChoice choice, const SampleLimits& limits = {});

}  // namespace peira::runner
