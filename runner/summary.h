// From the store to what reports read.
#pragma once

#include <string>
#include <vector>

#include "evals/comparison.h"
#include "evals/ranking.h"
#include "evals/run_record.h"
#include "runner/store.h"

namespace peira::runner {

// The record of a run without what is counted from its answers.
evals::RunRecord record_of(const RunInfo& info);

// The record of a run: counts, metrics with intervals, breakdowns. Streams over the columns.
// throws Error(kUsage): no such run.
evals::RunRecord summarize(const Store& store, const std::string& run_id);

// B against A, paired by sample. The runs' records in it hold no metrics: summarize() has them.
//
// vary    what may differ: words as for evals::parts_of_vary.
// throws  Error(kUsage) naming each part that differs and is not in `vary`, with both values.
// cost    one pass over the columns of either run.
evals::Comparison compare_runs(const Store& store, const std::string& run_a,
                               const std::string& run_b, const std::vector<std::string>& vary,
                               const evals::ComparisonOptions& options = {});

// Three runs or more against each other. throws  as compare_runs, each against the first.
evals::Ranking rank_runs(const Store& store, const std::vector<std::string>& runs,
                         const std::vector<std::string>& vary);

}  // namespace peira::runner
