// Writing Inspect logs.
#pragma once

#include <cstdint>
#include <filesystem>

#include "evals/run_record.h"
#include "runner/exchange/exchange.h"
#include "runner/store.h"

namespace peira::runner::exchange {

// Writes the run `info` as a log of schema version 2 to `out`: a zip if it ends in .eval, one JSON
// document if in .json. Scores are numbers under the profile's name. What Inspect has no field for
// lies in metadata under "peira". Returns the number of answers.
// summary   of the run, for the log's results.
// withheld  content of gated data is left out.
std::int64_t write_inspect_log(const Store& store, const RunInfo& info,
                               const evals::RunRecord& summary, const std::filesystem::path& out,
                               bool withheld);

}  // namespace peira::runner::exchange
