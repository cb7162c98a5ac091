// What lies beneath a run's figures, as JSON. Keys are stable: added to, never renamed.
#pragma once

#include <string>

#include "base/json.h"
#include "evals/series.h"
#include "reports/run_details.h"
#include "reports/sample_story.h"

namespace peira::reports {

OrderedJson to_json(const RunDetails& details);
// Prompts, replies and verdicts; of restricted data ids, states and values only.
OrderedJson to_json(const SampleSection& section);
OrderedJson to_json(const evals::SeriesReport& series);

// `json`, the text of a JSON value, with control and direction characters outside ASCII written as
// escapes: the same value, which no longer steers a terminal or a page.
std::string without_steering(const std::string& json);

}  // namespace peira::reports
