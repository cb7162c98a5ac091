#include "reports/markdown.h"

#include <algorithm>

#include "evals/stop_rule.h"
#include "reports/detail/text.h"
#include "reports/details_tables.h"
#include "reports/gate.h"
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

// Lines as they were written, fenced so that nothing in them is read as Markdown.
std::string quoted_block(const std::string& text) {
  constexpr std::size_t kMostChars = 4000;
  std::string body = printable_lines(detail::shorten(text, kMostChars));
  std::string fence = "```";
  while (body.find(fence) != std::string::npos) fence += "`";
  return fence + "text\n" + body + "\n" + fence + "\n\n";
}

std::string story_text(const SampleStory& sample, const SampleSection& section) {
  std::string out = heading(4, sample.id + ": " + outcome_of(sample));
  for (std::size_t i = 0; i < sample.sides.size(); ++i) {
    const SampleSide& side = sample.sides[i];
    const std::string said_prompt = [&] {
      std::string text;
      for (const Message& message : side.prompt) {
        text += (text.empty() ? "" : "\n") + message.role + ": " + text_of(message);
        for (const Part& part : message.parts) {
          if (part.kind != PartKind::kText) text += "\n[media, not shown]";
        }
      }
      return text;
    }();
    if (!section.restricted && !said_prompt.empty()) {
      out += "Prompt" + (sample.sides.size() > 1 ? " of " + std::string(i == 0 ? "A" : "B") : "") +
             ":\n\n" + quoted_block(said_prompt);
    }
    for (const AnswerStory& answer : side.answers) {
      const evals::Score& score = answer.score;
      std::string verdict = score.state == evals::AnswerState::kFailed ? "failed"
                            : score.value == 1                         ? "right"
                            : score.value == 0                         ? "wrong"
                                                                       : percent(score.value);
      verdict += ", " + std::string(evals::to_string(score.state));
      if (!section.restricted) {
        if (!score.answer.empty()) verdict += ", extracted " + detail::shorten(score.answer, 200);
        if (!score.rule.empty()) verdict += " by " + score.rule;
        verdict += ", gold " + detail::shorten(answer.gold, 200);
        if (!answer.failure.empty()) verdict += ", failure: " + answer.failure;
      }
      out += escape_markdown(section.labels[i]) + ": **" + escape_markdown(verdict) + "**\n\n";
      if (!section.restricted && !answer.response.empty()) out += quoted_block(answer.response);
    }
  }
  return out;
}

std::string samples_text(const SampleSection& section, std::size_t max_stories) {
  std::string out = heading(3, section.title);
  for (const std::string& label : section.labels) out += paragraph(label);
  if (section.samples.empty()) return out + "None.\n\n";
  constexpr std::size_t kMostRows = 200;
  if (section.samples.size() > kMostRows || section.num_left_out > 0) {
    out += paragraph("The first " + std::to_string(std::min(kMostRows, section.samples.size())) +
                     " of " + std::to_string(section.samples.size() + section.num_left_out) + ".");
  }
  out += render_markdown(samples_table(section, kMostRows)) + "\n";
  for (std::size_t i = 0; i < section.samples.size() && i < max_stories; ++i) {
    out += story_text(section.samples[i], section);
  }
  return out;
}

std::string gates_text(const GateSection& gates) {
  std::string out = gates.title.empty() ? "" : heading(3, gates.title);
  out += "**" + escape_markdown(gates.report.headline) + "**\n\n";
  return out + render_markdown(gate_table(gates.report)) + "\n" +
         paragraph(gate_error_note(gates.report));
}

std::string series_text(const evals::SeriesReport& series) {
  std::string out =
      heading(3, series.suite + ", " + series.variant + ", " + series.model + ": " + series.metric);
  if (!series.nights.empty()) out += paragraph(series.nights.back().sentence);
  return out + render_markdown(series_table(series)) + "\n";
}

std::string details_text(const RunDetails& details) {
  std::string out;
  if (details.calibration) {
    out += paragraph(calibration_sentence(*details.calibration)) +
           render_markdown(calibration_table(*details.calibration)) + "\n";
  }
  if (!details.distributions.empty()) {
    out += render_markdown(distributions_table(details)) + "\n";
  }
  if (!details.failures.empty()) {
    out += "Failed answers, left out of the score:\n\n" + render_markdown(failures_table(details)) +
           "\n";
  }
  return out;
}

std::string run_section(const evals::RunRecord& run, const RunDetails* details) {
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
  if (details != nullptr) out += details_text(*details);
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
  if (const std::string sentence = headline(report); !sentence.empty()) {
    out += "**" + escape_markdown(sentence) + "**\n\n";
  }
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
  if (!report.gates.empty()) out += heading(2, "Gates");
  for (const GateSection& gates : report.gates) out += gates_text(gates);
  if (!report.series.empty()) {
    out += heading(2, "Night after night");
    for (const evals::SeriesReport& series : report.series) out += series_text(series);
  }
  if (!report.runs.empty()) {
    out += heading(2, "Results") + render_markdown(runs_table(report.runs)) + "\n";
    const Table grid = suites_by_models_table(report.runs);
    if (grid.rows.size() > 1 && grid.headers.size() > 2) out += render_markdown(grid) + "\n";
    const Table spending = spending_table(report.runs, report.details);
    if (!spending.rows.empty()) {
      out += paragraph("What it took. " + spending_note(report.details) + ".") +
             render_markdown(spending) + "\n";
    }
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
  if (!report.samples.empty()) {
    out += heading(2, "Samples");
    for (const SampleSection& section : report.samples) {
      out += samples_text(section, options.max_stories);
    }
  }
  if (!report.runs.empty()) {
    out += heading(2, "Runs");
    for (std::size_t i = 0; i < report.runs.size(); ++i) {
      out += run_section(report.runs[i], details_of(report, i));
    }
  }
  if (!report.commands.empty()) {
    out += heading(2, "How this report was made") + code_block(report.commands);
  }
  return out;
}

}  // namespace peira::reports
