#include "reports/markdown.h"

#include "evals/stop_rule.h"
#include "reports/detail/text.h"
#include "reports/tables.h"
#include "reports/terminal_table.h"

namespace peira::reports {
namespace {

using detail::escape_markdown;
using detail::markdown_code;

std::string heading(int level, const std::string& text) {
  return std::string(static_cast<std::size_t>(level), '#') + " " + escape_markdown(text) + "\n\n";
}

std::string paragraph(const std::string& text) { return escape_markdown(text) + "\n\n"; }

std::string code_block(const std::vector<std::string>& lines) {
  std::string body;
  for (const std::string& line : lines) body += printable(line) + "\n";
  std::string fence = "```";
  while (body.find(fence) != std::string::npos) fence += "`";
  return fence + "sh\n" + body + fence + "\n\n";
}

std::string run_label(const evals::RunRecord& run) {
  return run.suite + ", " + run.variant + ", " + run.model;
}

std::string comparison_section(const evals::Comparison& comparison, std::optional<double> holm_p,
                               std::size_t max_flips) {
  std::string out =
      heading(3, "B: " + run_label(comparison.b) + " against A: " + run_label(comparison.a));
  out += "**" + escape_markdown(comparison.verdict) + "**\n\n";
  if (const std::string corrected = corrected_verdict(comparison, holm_p); !corrected.empty()) {
    out += paragraph(corrected);
  }
  std::string varied;
  for (const std::string& part : comparison.varied) varied += (varied.empty() ? "" : ", ") + part;
  if (!varied.empty()) out += paragraph("Declared to vary: " + varied + ".");
  for (const auto& sentence : further_sentences(comparison)) out += paragraph(sentence);
  out += render_markdown(comparison_table(comparison, holm_p)) + "\n";
  const Table flips = flips_table(comparison, max_flips);
  if (flips.rows.empty()) return out;
  const auto total = static_cast<std::size_t>(comparison.to_right + comparison.to_wrong);
  out += paragraph(total > flips.rows.size()
                       ? "Questions that changed, the first " + std::to_string(flips.rows.size()) +
                             " of " + std::to_string(total) + ":"
                       : "Questions that changed:");
  return out + render_markdown(flips) + "\n";
}

std::string run_section(const evals::RunRecord& run) {
  std::string out = heading(3, run_label(run));
  out += "Run " + markdown_code(run.run_id) + ", profile " + markdown_code(run.profile) +
         ", data " + markdown_code(run.dataset) + ".\n\n";
  if (!run.complete) out += "**Incomplete:** " + paragraph(incomplete_reason(run) + ".");
  if (run.decision) out += paragraph(evals::decision_sentence(*run.decision));
  if (run.restricted) {
    out += paragraph(
        "Restricted data: ids, verdicts and numbers only. Do not publish questions "
        "or answers.");
  }
  for (const std::string& warning : run.warnings) {
    out += "- " + escape_markdown(warning) + "\n";
  }
  if (!run.warnings.empty()) out += "\n";
  out += render_markdown(metrics_table(run)) + "\n";
  for (const std::string& field : breakdown_fields(run)) {
    out += render_markdown(breakdown_table(run, field)) + "\n";
  }
  Table manifest{.headers = {"Part", "SHA-256", "Value"}, .rows = {}, .alignments = {}};
  for (const ManifestRow& row : manifest_rows(run)) {
    manifest.rows.push_back({row.part, row.digest, row.value});
  }
  if (!manifest.rows.empty()) out += render_markdown(manifest) + "\n";
  return out + code_block({reproduce_command(run)});
}

}  // namespace

std::string render_markdown(const Report& report, const MarkdownOptions& options) {
  std::string out = heading(1, report.title);
  if (!report.generated_at.empty() || !report.version.empty()) {
    out += "Made";
    if (!report.version.empty()) out += " by Peira " + escape_markdown(report.version);
    if (!report.generated_at.empty()) out += " at " + escape_markdown(report.generated_at);
    out += ".\n\n";
  }
  if (const std::string notice = sample_data_notice(report.runs); !notice.empty()) {
    out += "> " + paragraph(notice);
  }
  for (const std::string& note : report.notes) out += paragraph(note);
  if (!report.runs.empty()) {
    out += heading(2, "Results") + render_markdown(runs_table(report.runs)) + "\n";
  }
  if (!report.comparisons.empty()) {
    out += heading(2, "Comparisons");
    if (const std::string note = correction_note(report.comparisons); !note.empty()) {
      out += paragraph(note);
    }
    const bool many = !correction_note(report.comparisons).empty();
    const auto adjusted = holm_adjusted(report.comparisons);
    for (std::size_t i = 0; i < report.comparisons.size(); ++i) {
      out += comparison_section(report.comparisons[i], many ? adjusted[i] : std::nullopt,
                                options.max_flips);
    }
  }
  if (!report.runs.empty()) {
    out += heading(2, "Runs");
    for (const evals::RunRecord& run : report.runs) out += run_section(run);
  }
  if (!report.commands.empty()) {
    out += heading(2, "How this report was made") + code_block(report.commands);
  }
  return out;
}

}  // namespace peira::reports
