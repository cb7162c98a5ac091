// What gates came to: for terminals, scripts, JUnit readers and GitHub.
#pragma once

#include <string>

#include "base/json.h"
#include "evals/gate/gate.h"
#include "reports/terminal_table.h"

namespace peira::reports {

// Whether a gate's metric is a share, shown in per cent and points.
bool is_share_metric(const std::string& metric);
// What a gate measured, with its interval, in the metric's unit; "" for nothing.
std::string measured_text(const evals::GateResult& result);
// A row a gate.
Table gate_table(const evals::GateReport& report);
// One line: the rates of error that the verdicts have.
std::string gate_error_note(const evals::GateReport& report);

OrderedJson to_json(const evals::GateReport& report);
// What to_json() wrote; of `where` in errors. Takes verdicts of versions that wrote less.
// throws Error(kData) naming `where` and the key: no such verdict.
evals::GateReport gate_report_from(const Json& verdict, const std::string& where);

// JUnit XML: a test suite "peira gate", a test case a gate; a failed gate is a <failure>, an
// undecided one an <error>. Texts are printable(); characters that XML 1.0 forbids are U+FFFD.
std::string render_junit(const evals::GateReport& report);

// GitHub workflow commands, a line a gate that did not pass and one for the headline: what could
// end a command or begin another is escaped.
std::string render_github(const evals::GateReport& report);

// Headline, table and note in Markdown, for a job summary.
std::string render_gate_markdown(const evals::GateReport& report);

}  // namespace peira::reports
