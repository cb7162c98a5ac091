// What a report says, whatever it is rendered to: html.h, markdown.h, json.h.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "evals/gate/gate.h"
#include "evals/run_record.h"
#include "evals/series.h"
#include "reports/run_details.h"
#include "reports/sample_story.h"

namespace peira::reports {

// What a policy came to.
struct GateSection {
  std::string title;  // "" where the verdict says enough
  evals::GateReport report;
};

struct Report {
  std::string title;
  std::string lead = {};  // the headline's first sentence; "" makes one of what the report holds
  std::vector<evals::RunRecord> runs;
  std::vector<evals::Comparison> comparisons;
  std::vector<RunDetails> details = {};  // of `runs`, in their order; may end early
  std::vector<SampleSection> samples = {};
  std::vector<GateSection> gates = {};
  std::vector<evals::SeriesReport> series = {};  // night after night
  std::vector<std::string> notes;                // one paragraph each
  std::vector<std::string> commands;             // further commands that made this report, as typed
  std::string generated_at;                      // UTC, ISO 8601; "" leaves it out
  std::string version;                           // of Peira; "" leaves it out
};

// What the report comes to, one or two sentences: what was compared, what it showed, what is
// missing.
std::string headline(const Report& report);

// The details of run `index`; null where there are none.
const RunDetails* details_of(const Report& report, std::size_t index);

// p-values of the report's comparisons after Holm's correction, in their order; empty where a
// comparison has none. With one comparison they are as they were.
std::vector<std::optional<double>> holm_adjusted(const std::vector<evals::Comparison>& comparisons);

// The p-value a comparison is judged by: the paired t test's, else the exact McNemar's.
std::optional<double> deciding_p(const evals::Comparison& comparison);

// Whether the run's questions are ones we generated, not the benchmark's: data named "...-sample".
bool is_sample_data(const evals::RunRecord& run);
// One paragraph that says so, with the data sets' names; "" when no run is on sample data.
std::string sample_data_notice(const std::vector<evals::RunRecord>& runs);

// Why a run is not complete, one line; "" for a complete one.
std::string incomplete_reason(const evals::RunRecord& run);

// What Holm's correction leaves of one comparison's verdict, one sentence; "" without `holm_p`.
std::string corrected_verdict(const evals::Comparison& comparison, std::optional<double> holm_p);

// What follows a comparison's verdict: what margins came to, and what to buy more of.
std::vector<std::string> further_sentences(const evals::Comparison& comparison);

// The run's manifest as it may be shown: of a restricted run, the digests of its prompt and data
// set without what was digested.
Json publishable_manifest(const evals::RunRecord& run);

// A manifest in rows: part, digest (16 digits), what was digested in one line.
struct ManifestRow {
  std::string part, digest, value;
};
std::vector<ManifestRow> manifest_rows(const evals::RunRecord& run);

// What more than one comparison in a report means for its p-values; "" for at most one.
std::string correction_note(const std::vector<evals::Comparison>& comparisons);

// `word` as one argument of a POSIX shell.
std::string shell_quoted(const std::string& word);

// The `peira run` command that asks for the same run again, quoted for a shell.
std::string reproduce_command(const evals::RunRecord& run);

}  // namespace peira::reports
