// An experiment's report: verdict first, assignment, effects, how they came about over time.
#pragma once

#include <string>
#include <vector>

#include "abtest/analysis.h"
#include "abtest/breakdown.h"
#include "base/json.h"

namespace peira::reports {

struct ExperimentReport {
  std::string id;
  abtest::Analysis analysis;
  std::string segment;  // attribute that `segments` are by; "" for none
  std::vector<abtest::BreakdownRow> segments = {};
  std::vector<abtest::BreakdownRow> days = {};        // each day of exposure alone
  std::vector<abtest::BreakdownRow> cumulative = {};  // up to and with each day
  std::vector<std::string> commands = {};             // that made this report, as typed
  std::string generated_at;                           // UTC, ISO 8601; "" leaves it out
  std::string version;                                // of Peira; "" leaves it out
};

// One page that loads nothing and runs nothing; text from outside is escaped.
std::string render_html(const ExperimentReport& report);
// The same without its charts.
std::string render_markdown(const ExperimentReport& report);
// The analysis as experiment_json() has it, with "experiment", and what it was broken down by:
// "segments", "days", "cumulative", each only where there is something.
OrderedJson to_json(const ExperimentReport& report);

}  // namespace peira::reports
