// Writing result and sample files of lm-evaluation-harness.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "evals/run_record.h"
#include "runner/store.h"

namespace peira::runner::exchange {

// Writes the run `info` as results_DATE.json and samples_SUITE_DATE.jsonl into the folder
// `out`/MODEL, as lm_eval --output_path --log_samples does: metric "acc" under filter "none". Adds
// the files' paths to `files` and returns the number of answers.
// withheld  content of gated data is left out.
std::int64_t write_lm_eval(const Store& store, const RunInfo& info, const evals::RunRecord& summary,
                           const std::filesystem::path& out, bool withheld,
                           std::vector<std::filesystem::path>& files);

}  // namespace peira::runner::exchange
