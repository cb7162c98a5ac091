// What a monitor tells of a stretch of time: a sentence, then tables.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "evals/run_record.h"
#include "reports/terminal_table.h"
#include "runner/monitor/monitor_store.h"
#include "runner/monitor/quality_history.h"
#include "runner/monitor/window.h"

namespace peira::runner {

// A run that finished in the window, and what became of its series' score with it.
struct QualityPoint {
  std::string run_id, suite, variant, model, finished_at;
  evals::Metric score;
  std::optional<QualityChange> change;  // against the runs before it, 95 %
};

struct MonitorReport {
  RequestFilter filter;
  WindowSummary window;                // what the report is about
  std::vector<WindowSummary> rolling;  // shorter and longer ones beside it, each to the same end
  std::vector<QualityPoint> quality;   // oldest first
  std::vector<AlertEvent> alerts;
};

// windows_ms  the first is what the report is about; all are shown side by side.
// throws      Error(kUnavailable): nothing was ever recorded in `store`.
MonitorReport make_monitor_report(const std::filesystem::path& store, std::int64_t to_ms,
                                  const std::vector<std::int64_t>& windows_ms,
                                  const RequestFilter& filter);

// "312 requests in 24h, 98.7 % answered (95 % CI 96.7 to 99.5); ..."
std::string monitor_sentence(const MonitorReport& report);

struct ReportSection {
  std::string heading;  // "" of the first
  reports::Table table;
  std::string note;  // a line beneath; "" for none
};
std::vector<ReportSection> monitor_sections(const MonitorReport& report);

OrderedJson to_json(const MonitorReport& report);

}  // namespace peira::runner
