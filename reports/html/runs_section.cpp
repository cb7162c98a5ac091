#include "evals/stop_rule.h"
#include "reports/charts/histogram.h"
#include "reports/charts/interval_chart.h"
#include "reports/detail/text.h"
#include "reports/details_tables.h"
#include "reports/html/elements.h"
#include "reports/html/sections.h"
#include "reports/tables.h"

namespace peira::reports::html {
namespace {

using detail::escape_html;

std::string breakdown_html(const evals::RunRecord& run, const std::string& field,
                           const std::string& id) {
  std::vector<ChartRow> rows;
  for (const evals::BreakdownRow& row : run.breakdowns) {
    if (row.field != field || row.accuracy.num_samples == 0) continue;
    rows.push_back({.label = (row.value.empty() ? "(none)" : row.value) + ", n " +
                             std::to_string(row.accuracy.num_samples),
                    .value = row.accuracy.value,
                    .low = row.accuracy.low,
                    .high = row.accuracy.high,
                    .value_text = score_text(row.accuracy),
                    .group = ""});
  }
  ChartOptions options;
  options.id = id;
  options.title = "Score by " + field + " with 95 % confidence intervals";
  std::string chart;
  constexpr std::size_t kMaxChartRows = 24;  // beyond that a table reads better
  if (!rows.empty() && rows.size() <= kMaxChartRows) {
    chart = figure(interval_chart(rows, options));
  }
  return details(
      "By " + field + " (" + std::to_string(rows.size()) + ")",
      chart + table(breakdown_table(run, field),
                    "Score by " + field + "; intervals are not corrected for their number"));
}

// Lengths and latency: what they come to in a table, how they spread as charts.
std::string spread_html(const RunDetails& details_of_run, const std::string& id) {
  if (details_of_run.distributions.empty()) return "";
  std::string charts;
  std::size_t number = 0;
  for (const Distribution& distribution : details_of_run.distributions) {
    charts += "<div><h4>" + escape_html(distribution.name) + "</h4>" +
              figure(histogram(distribution, id + "-spread-" + std::to_string(number++))) +
              "</div>";
  }
  return details("Length and latency", "<div class=\"pair\">" + charts + "</div>\n" +
                                           table(distributions_table(details_of_run),
                                                 "Of one answer, unless it says all"));
}

std::string failures_html(const RunDetails& details_of_run) {
  if (details_of_run.failures.empty()) return "";
  std::int64_t count = 0;
  for (const FailureGroup& group : details_of_run.failures) count += group.count;
  return details("Failed answers (" + std::to_string(count) + ")",
                 table(failures_table(details_of_run),
                       "Why answers failed, most frequent first; they are left out of the score"));
}

std::string calibration_html(const RunDetails& details_of_run, const std::string& id) {
  if (!details_of_run.calibration) return "";
  return details("Calibration",
                 paragraph(calibration_sentence(*details_of_run.calibration)) +
                     figure(reliability_diagram(*details_of_run.calibration, id + "-calibration")) +
                     table(calibration_table(*details_of_run.calibration),
                           "Ten bins of equal width by confidence"));
}

std::string run_html(const evals::RunRecord& run, const RunDetails* more, std::size_t index) {
  const std::string id = "run-" + std::to_string(index);
  std::string out = "<article class=\"run\" aria-labelledby=\"" + id + "\">\n<h3 id=\"" + id +
                    "\">" + isolated(run.suite + ", " + run_label(run)) + " " + badges(run) +
                    "</h3>\n";
  out += "<p class=\"muted\">Run <code>" + escape_html(run.run_id) + "</code>, profile " +
         isolated(run.profile) + ", data " + isolated(run.dataset) + ", method " +
         isolated(run.method) + ", seed " + std::to_string(run.seed);
  if (!run.started_at.empty()) out += ", started " + escape_html(run.started_at);
  if (run.wall_s > 0) {
    out += ", took " + detail::format_number(run.wall_s < 10 ? "%.1f" : "%.0f", run.wall_s) + " s";
  }
  out += ", " + std::to_string(run.prompt_tokens) + " prompt and " +
         std::to_string(run.completion_tokens) + " completion tokens";
  if (more != nullptr && more->cost) out += ", " + dollars_text(more->cost->dollars);
  out += ".</p>\n";
  if (!run.complete) {
    out += "<p><strong>Incomplete:</strong> " + escape_html(incomplete_reason(run)) + ".</p>\n";
  }
  if (run.decision) {
    out += "<p><strong>" + escape_html(evals::decision_sentence(*run.decision)) + "</strong></p>\n";
  }
  if (!run.warnings.empty()) {
    out += "<ul>";
    for (const std::string& warning : run.warnings) out += "<li>" + isolated(warning) + "</li>";
    out += "</ul>\n";
  }
  out += details("All metrics", table(metrics_table(run),
                                      "Metrics of this run; standard errors in "
                                      "points, shares of all answers"));
  std::size_t field_index = 0;
  for (const std::string& field : breakdown_fields(run)) {
    out += breakdown_html(run, field, id + "-field-" + std::to_string(field_index++));
  }
  if (more != nullptr) {
    out += calibration_html(*more, id) + spread_html(*more, id) + failures_html(*more);
  }
  Table manifest{.headers = {"Part", "SHA-256", "What was digested"}, .rows = {}, .alignments = {}};
  for (const ManifestRow& row : manifest_rows(run)) {
    manifest.rows.push_back({row.part, row.digest, row.value});
  }
  std::string identity = "<p>The command that asks for this run again:</p><pre tabindex=\"0\">" +
                         escape_html(reproduce_command(run)) + "</pre>\n";
  if (!manifest.rows.empty()) {
    identity += table(manifest,
                      "Manifest: first 16 digits of each part's digest. Runs of "
                      "equal digests agree byte for byte");
  }
  return out + details("How to reproduce, and manifest", identity) + "</article>\n";
}

}  // namespace

std::string runs_section(const Report& report) {
  if (report.runs.empty()) return "";
  std::string out = "<section aria-labelledby=\"runs\"><h2 id=\"runs\">Run by run</h2>\n";
  for (std::size_t i = 0; i < report.runs.size(); ++i) {
    out += run_html(report.runs[i], details_of(report, i), i + 1);
  }
  return out + "</section>\n";
}

}  // namespace peira::reports::html
