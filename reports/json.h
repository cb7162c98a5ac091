// A report as JSON, for scripts. Keys are stable: added to, never renamed.
#pragma once

#include <string>

#include "base/json.h"
#include "evals/ranking.h"
#include "reports/report.h"

namespace peira::reports {

// Shares are in [0, 1]; what is not known is null, never 0 or NaN.
OrderedJson to_json(const evals::Metric& metric);
OrderedJson to_json(const evals::StateCounts& states);
OrderedJson to_json(const evals::RunRecord& run);
OrderedJson to_json(const evals::Comparison& comparison);
OrderedJson to_json(const evals::Ranking& ranking);
OrderedJson to_json(const Report& report);

// to_json in indented text, UTF-8, ending in a newline. Characters that would steer a terminal or
// turn the direction of text are written as escapes.
std::string render_json(const Report& report);

}  // namespace peira::reports
