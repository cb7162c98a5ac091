// The elements that HTML reports are made of. Text from outside goes in as text and comes out
// escaped.
#pragma once

#include <string>

#include "evals/run_record.h"
#include "reports/terminal_table.h"

namespace peira::reports::html {

// Text of unknown direction, kept from turning its surroundings around.
std::string isolated(const std::string& text);

std::string paragraph(const std::string& text, const std::string& classes = "");

// A table with its caption read out; scrolls sideways on its own where it does not fit.
std::string table(const Table& table, const std::string& caption);

// body  HTML, shown on demand.
std::string details(const std::string& summary, const std::string& body, bool open = false);

// svg  a chart, with room around it.
std::string figure(const std::string& svg);

// "direct, bundled".
std::string run_label(const evals::RunRecord& run);

// The run's first metric; an empty one when it has none.
const evals::Metric& headline_metric(const evals::RunRecord& run);

// What state the run is in, as words in frames.
std::string badges(const evals::RunRecord& run);

}  // namespace peira::reports::html
