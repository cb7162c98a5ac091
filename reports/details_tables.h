// Tables of what lies beneath a run's figures: lengths and times, failures, calibration, samples,
// nights.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "evals/run_record.h"
#include "evals/series.h"
#include "reports/run_details.h"
#include "reports/sample_story.h"
#include "reports/terminal_table.h"

namespace peira::reports {

// A row a distribution: count, mean, quantiles.
Table distributions_table(const RunDetails& details);
// "$12.34"; smaller sums with more digits.
std::string dollars_text(double dollars);
// A row a run: tokens, time, and what they cost where a price is known; a last one for all runs.
// Empty where no tokens were counted. details: of `runs`, in their order; may end early.
Table spending_table(const std::vector<evals::RunRecord>& runs,
                     const std::vector<RunDetails>& details);
// What the sums of that table hold and leave out, one sentence.
std::string spending_note(const std::vector<RunDetails>& details);
// A row a kind of failure.
Table failures_table(const RunDetails& details);
// A row a bin that holds answers.
Table calibration_table(const Calibration& calibration);
// What a calibration comes to, one or two sentences.
std::string calibration_sentence(const Calibration& calibration);
// A row a sample, at most `max_rows`: id, outcome, answers, gold.
Table samples_table(const SampleSection& section, std::size_t max_rows);
// A row a night, the newest first.
Table series_table(const evals::SeriesReport& series);

}  // namespace peira::reports
