// The tables every front shows alike: `peira run`, `compare`, Markdown and HTML.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "evals/ranking.h"
#include "evals/run_record.h"
#include "reports/terminal_table.h"

namespace peira::reports {

// A row a run: what was asked of what, score with interval, answers without one.
Table runs_table(const std::vector<evals::RunRecord>& runs);
// Suites down, models (with their variant) across; of several runs in one place the last.
Table suites_by_models_table(const std::vector<evals::RunRecord>& runs);
// A row a metric.
Table metrics_table(const evals::RunRecord& run);
// A row a value, of one breakdown field.
Table breakdown_table(const evals::RunRecord& run, const std::string& field);
// Fields the run is broken down by, in order.
std::vector<std::string> breakdown_fields(const evals::RunRecord& run);
// A row a figure of the comparison. holm_p: after correction, when the report compares repeatedly.
Table comparison_table(const evals::Comparison& comparison, std::optional<double> holm_p = {});
// A row a sample whose score differs, at most `max_flips`. Answers are left out when either run is
// restricted.
Table flips_table(const evals::Comparison& comparison, std::size_t max_flips);

// A row a run, best first: score, strength with interval, ranks it may have.
Table ranking_table(const evals::Ranking& ranking);
// A row a pair of runs: difference, p-values after correction, questions won.
Table ranking_pairs_table(const evals::Ranking& ranking);

// "64.1 %", and "57.2 to 70.4" with its unit; "" when unknown.
std::string percent(double share);
std::string interval_text(const evals::Metric& metric);
// "64.1 % (57.2 to 70.4)".
std::string score_text(const evals::Metric& metric);
// What a metric's `interval` means, in words.
std::string interval_method(const std::string& interval);

}  // namespace peira::reports
