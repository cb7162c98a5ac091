// Exercises of a dataset that can be run here.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "runner/episodes/toolchains.h"
#include "runner/sample_source.h"

namespace peira::runner {

struct RunnableExercises {
  SampleSource source;                // with the rows they have in the whole; its identity says
                                      // which were left out
  std::vector<std::string> left_out;  // a line a language: how many, and why
};

// Those of `source` whose tests can be run with `toolchains` and whose language is among
// `languages` (empty: any). What is left out is left out of the run, and never counts as failed.
//
// throws  Error(kUsage): no such language; Error(kUnavailable): none can be run.
RunnableExercises runnable_exercises(const SampleSource& source,
                                     const std::vector<Toolchain>& toolchains,
                                     const std::vector<std::string>& languages);

}  // namespace peira::runner
