// The options of a run made definite.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "evals/code_runner.h"
#include "evals/suite.h"
#include "runner/endpoints/model_client.h"
#include "runner/executor.h"
#include "runner/store.h"
#include "runner/subtitles.h"

namespace peira::runner {

// The options made definite, and what they are in a manifest.
struct Plan {
  const evals::Profile* profile = nullptr;
  evals::PromptVariant variant;
  bool by_likelihood = false;
  model::SamplingParams sampling;
  int max_tokens = 0;
  ResponseFormat format;
  std::string model_identity;                   // for cache keys
  std::shared_ptr<evals::CodeRunner> programs;  // of a profile that runs them; else null
  std::shared_ptr<SubtitleDesk> subtitles;      // of samples that have some; else null
  RunInfo info;                                 // what a new run would be; num_rows still unknown
  std::vector<std::string> warnings;
};

// The plan of `options` on `model`, whose prompts are told the date that those of the run it
// continues were told. throws  Error(kUsage): the options contradict; Error(kData): no samples.
Plan make_dated_plan(const Store& store, ModelClient& model, const RunOptions& options);

}  // namespace peira::runner
