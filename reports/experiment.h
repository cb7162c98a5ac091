// An experiment's analysis for people and machines.
#pragma once

#include <string>

#include "abtest/analysis.h"
#include "abtest/self_check.h"
#include "base/json.h"
#include "reports/terminal_table.h"

namespace peira::reports {

// Verdict first, then arms, metrics with what they are read by, warnings. Ends in a newline.
std::string experiment_text(const abtest::Analysis& analysis, const TerminalOptions& options = {});

// A row a variant: exposed units and what the split promised.
Table arms_table(const abtest::Analysis& analysis);
// Whether the units are split as promised, one sentence; "" when no unit was exposed.
std::string ratio_sentence(const abtest::Analysis& analysis);
// A row a metric and variant.
Table effects_table(const abtest::Analysis& analysis);
// What p-values and intervals of the analysis stand for, two sentences.
std::string reading_note(const abtest::Analysis& analysis);

// Everything the analysis holds; a number that is not defined is null.
OrderedJson experiment_json(const abtest::Analysis& analysis);

std::string self_check_text(const abtest::SelfCheck& check, const TerminalOptions& options = {});
OrderedJson self_check_json(const abtest::SelfCheck& check);

}  // namespace peira::reports
