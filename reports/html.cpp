#include "reports/html.h"

#include <string_view>

#include "base/embedded.h"
#include "evals/stop_rule.h"
#include "reports/detail/text.h"
#include "reports/svg_chart.h"
#include "reports/tables.h"
#include "reports/terminal_table.h"

namespace peira {
std::span<const EmbeddedFile> embedded_report_style();
}

namespace peira::reports {
namespace {

using detail::escape_html;

std::string_view style_sheet() {
  const std::span<const std::byte> bytes = embedded_report_style()[0].bytes;
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Text of unknown direction, kept from turning its surroundings around.
std::string isolated(const std::string& text) { return "<bdi>" + escape_html(text) + "</bdi>"; }

std::string paragraph(const std::string& text, const std::string& classes = "") {
  return "<p" + (classes.empty() ? "" : " class=\"" + classes + "\"") + ">" + escape_html(text) +
         "</p>\n";
}

// A table with its caption read out; scrolls sideways on its own where it does not fit.
std::string table_html(const Table& table, const std::string& caption) {
  std::string out = "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"" +
                    escape_html(caption) + "\"><table><caption>" + escape_html(caption) +
                    "</caption><thead><tr>";
  const auto classes = [&table](std::size_t column) {
    const bool right =
        column < table.alignments.size() && table.alignments[column] == Align::kRight;
    return std::string(right ? " class=\"r\"" : "");
  };
  for (std::size_t i = 0; i < table.headers.size(); ++i) {
    out += "<th scope=\"col\"" + classes(i) + ">" + escape_html(table.headers[i]) + "</th>";
  }
  out += "</tr></thead><tbody>\n";
  for (const auto& row : table.rows) {
    out += "<tr>";
    for (std::size_t i = 0; i < row.size(); ++i) {
      out.append(i == 0 ? "<th scope=\"row\"" : "<td").append(classes(i)).append(">");
      out.append(isolated(row[i])).append(i == 0 ? "</th>" : "</td>");
    }
    out += "</tr>\n";
  }
  return out + "</tbody></table></div>\n";
}

std::string details_html(const std::string& summary, const std::string& body, bool open = false) {
  return std::string("<details") + (open ? " open" : "") + "><summary>" + escape_html(summary) +
         "</summary><div>" + body + "</div></details>\n";
}

std::string run_label(const evals::RunRecord& run) { return run.variant + ", " + run.model; }

const evals::Metric& headline_of(const evals::RunRecord& run) {
  static const evals::Metric none;
  return run.metrics.empty() ? none : run.metrics[0];
}

std::string badges(const evals::RunRecord& run) {
  std::string out = run.complete ? "<span class=\"badge ok\">complete</span>"
                                 : "<span class=\"badge bad\">incomplete</span>";
  if (run.limited) out += " <span class=\"badge info\">limited</span>";
  if (is_sample_data(run)) out += " <span class=\"badge info\">sample data</span>";
  if (run.restricted) out += " <span class=\"badge info\">restricted</span>";
  return out;
}

std::string cell(const std::string& label, const std::string& content,
                 const std::string& classes = "r") {
  return "<td role=\"cell\" class=\"" + classes + "\" data-label=\"" + escape_html(label) +
         "\"><span>" + content + "</span></td>";
}

std::string count_cell(const std::string& label, std::int64_t count) {
  const std::string text = std::to_string(count);
  return cell(label, count == 0 ? "<span class=\"zero\">0</span>" : text);
}

// The headline: a row a run, a card a run on a phone. Explicit roles, since `display: block` would
// take them from the table.
std::string results_html(const std::vector<evals::RunRecord>& runs) {
  std::string out =
      "<table class=\"stack\" role=\"table\"><caption>Scores are shares of questions answered "
      "right, with 95 % confidence intervals. Answers that could not be read count as wrong; "
      "failed ones are left out and counted.</caption><thead role=\"rowgroup\"><tr role=\"row\">";
  const std::pair<const char*, const char*> headers[] = {
      {"Suite", ""},  {"Variant and model", ""}, {"Questions", "r"},
      {"Score", "r"}, {"Unparsed", "r"},         {"Truncated", "r"},
      {"Empty", "r"}, {"Refused", "r"},          {"Failed", "r"},
      {"Status", ""}};
  for (const auto& [name, classes] : headers) {
    out += std::string("<th scope=\"col\" role=\"columnheader\" class=\"") + classes + "\">" +
           name + "</th>";
  }
  out += "</tr></thead><tbody role=\"rowgroup\">\n";
  for (const evals::RunRecord& run : runs) {
    const evals::Metric& headline = headline_of(run);
    const Table row = runs_table({run});
    const std::string interval = interval_text(headline);
    out += "<tr role=\"row\"><th scope=\"row\" role=\"rowheader\">" + isolated(run.suite) +
           "<span class=\"sub\">" + isolated(run.profile) + "</span></th>";
    out +=
        cell("Variant and model",
             isolated(run.variant) + "<span class=\"sub\">" + isolated(run.model) + "</span>", "");
    out += cell("Questions", escape_html(row.rows[0][4]), "r");
    std::string score = headline.num_samples == 0 ? "none" : percent(headline.value);
    if (headline.name != "accuracy" && !headline.name.empty()) {
      score += "<span class=\"sub\">" + escape_html(headline.name) + "</span>";
    }
    if (!interval.empty()) score += "<span class=\"ci\">" + interval + "</span>";
    out += cell("Score (95 % CI)", score, "r score");
    out += count_cell("Unparsed", run.states.unparsed);
    out += count_cell("Truncated", run.states.truncated);
    out += count_cell("Empty", run.states.empty);
    out += count_cell("Refused", run.states.refused);
    out += count_cell("Failed", run.states.failed);
    out += cell("Status", badges(run), "");
    out += "</tr>\n";
  }
  return out + "</tbody></table>\n";
}

std::string results_chart(const std::vector<evals::RunRecord>& runs) {
  std::vector<ChartRow> rows;
  for (const evals::RunRecord& run : runs) {
    const evals::Metric& headline = headline_of(run);
    if (headline.num_samples == 0) continue;
    rows.push_back({.label = run_label(run),
                    .value = headline.value,
                    .low = headline.low,
                    .high = headline.high,
                    .value_text = score_text(headline),
                    .group = run.suite + ", " + run.profile});
  }
  if (rows.empty()) return "";
  ChartOptions options;
  options.id = "chart-results";
  options.title = "Score of each run with its 95 % confidence interval";
  return "<div class=\"figure\">" + interval_chart(rows, options) + "</div>\n";
}

std::string comparison_html(const evals::Comparison& comparison, std::optional<double> holm_p,
                            std::size_t index, std::size_t max_flips) {
  const std::optional<double> p = holm_p ? holm_p : deciding_p(comparison);
  const bool is_told = p && *p < 0.05 && comparison.difference != 0;
  const std::string classes = !is_told ? "open" : comparison.difference > 0 ? "better" : "worse";
  const std::string id = "comparison-" + std::to_string(index);
  std::string out = "<article class=\"card " + classes + "\" aria-labelledby=\"" + id + "\">\n";
  out += "<h3 class=\"verdict\" id=\"" + id + "\">" + escape_html(comparison.verdict) + "</h3>\n";
  if (const std::string corrected = corrected_verdict(comparison, holm_p); !corrected.empty()) {
    out += paragraph(corrected, "holm");
  }
  out += "<p class=\"muted\">" + isolated(comparison.b.suite) + ": B is " +
         isolated(run_label(comparison.b)) + "; A is " + isolated(run_label(comparison.a)) + ".";
  if (!comparison.varied.empty()) {
    std::string varied;
    for (const std::string& part : comparison.varied) varied += (varied.empty() ? "" : ", ") + part;
    out += " Declared to vary: " + escape_html(varied) + ".";
  }
  out += "</p>\n";

  if (comparison.num_pairs > 0) {
    std::string difference =
        detail::format_number("%+.1f", 100 * comparison.difference) + " points";
    if (comparison.low && comparison.high) {
      difference += " (" + detail::format_number("%+.1f", 100 * *comparison.low) + " to " +
                    detail::format_number("%+.1f", 100 * *comparison.high) + ")";
    }
    const std::vector<ChartRow> rows{{.label = "B - A",
                                      .value = comparison.difference,
                                      .low = comparison.low,
                                      .high = comparison.high,
                                      .value_text = difference,
                                      .group = ""}};
    ChartOptions options = difference_axis(rows);
    options.id = id + "-difference";
    options.title = "Difference of the scores in points, with its 95 % confidence interval";
    out += "<div class=\"pair\"><div><h4>Difference in points, 95 % CI</h4><div class=\"figure\">" +
           interval_chart(rows, options) + "</div></div>";
    out += "<div><h4>What became of each question from A to B</h4><div class=\"figure\">" +
           flips_bar({.to_wrong = comparison.to_wrong,
                      .unchanged = comparison.num_pairs - comparison.to_right - comparison.to_wrong,
                      .to_right = comparison.to_right},
                     id + "-flips", "Questions that changed from A to B", comparison.binary) +
           "</div></div></div>\n";
  }
  for (const auto& sentence : further_sentences(comparison)) out += paragraph(sentence, "");
  out += details_html("All figures", table_html(comparison_table(comparison, holm_p),
                                                "Figures of this comparison"));
  const Table flips = flips_table(comparison, max_flips);
  if (!flips.rows.empty()) {
    const auto total = static_cast<std::size_t>(comparison.to_right + comparison.to_wrong);
    const std::string caption = total > flips.rows.size()
                                    ? "The first " + std::to_string(flips.rows.size()) + " of " +
                                          std::to_string(total) +
                                          " questions that changed; the JSON report lists more"
                                    : "All questions that changed";
    out += details_html("Questions that changed (" + std::to_string(total) + ")",
                        table_html(flips, caption));
  }
  return out + "</article>\n";
}

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
    chart = "<div class=\"figure\">" + interval_chart(rows, options) + "</div>\n";
  }
  return details_html(
      "By " + field + " (" + std::to_string(rows.size()) + ")",
      chart + table_html(breakdown_table(run, field),
                         "Score by " + field + "; intervals are not corrected for their number"));
}

std::string run_html(const evals::RunRecord& run, std::size_t index) {
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
         std::to_string(run.completion_tokens) + " completion tokens.</p>\n";
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
  out += details_html("All metrics", table_html(metrics_table(run),
                                                "Metrics of this run; standard errors in "
                                                "points, shares of all answers"));
  std::size_t field_index = 0;
  for (const std::string& field : breakdown_fields(run)) {
    out += breakdown_html(run, field, id + "-field-" + std::to_string(field_index++));
  }
  Table manifest{.headers = {"Part", "SHA-256", "What was digested"}, .rows = {}, .alignments = {}};
  for (const ManifestRow& row : manifest_rows(run)) {
    manifest.rows.push_back({row.part, row.digest, row.value});
  }
  std::string identity = "<p>The command that asks for this run again:</p><pre tabindex=\"0\">" +
                         escape_html(reproduce_command(run)) + "</pre>\n";
  if (!manifest.rows.empty()) {
    identity += table_html(manifest,
                           "Manifest: first 16 digits of each part's digest. Runs of "
                           "equal digests agree byte for byte");
  }
  return out + details_html("How to reproduce, and manifest", identity) + "</article>\n";
}

std::string how_to_read_html() {
  return "<section aria-labelledby=\"how\"><h2 id=\"how\">How to read this</h2><dl class=\"how\">"
         "<dt>Score and interval</dt><dd>The share of questions answered right. The interval would "
         "hold the true share in 95 of 100 such measurements; where questions or repeated answers "
         "belong together it is made from clusters of them.</dd>"
         "<dt>Unparsed, truncated, empty, refused</dt><dd>Answers without a readable choice or "
         "number: no answer in the text, cut off by the token limit, no text at all, declined. "
         "They count as wrong, as the official graders have it.</dd>"
         "<dt>Failed</dt><dd>The model gave no reply (timeout, error). Neither right nor wrong: "
         "left out of the score and counted here.</dd>"
         "<dt>Points, p</dt><dd>A point is one per cent of the questions. p is the chance of a "
         "difference at least this large if A and B were equally good.</dd></dl></section>\n";
}

}  // namespace

std::string render_html(const Report& report, const HtmlOptions& options) {
  std::string out =
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'\">\n<meta name=\"referrer\" content=\"no-referrer\">\n<title>" +
      escape_html(report.title) + "</title>\n<style>\n";
  out += style_sheet();
  out += "</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the results</a>\n";
  out += "<header><h1>" + escape_html(report.title) + "</h1>\n<p class=\"muted\">" +
         std::to_string(report.runs.size()) + (report.runs.size() == 1 ? " run" : " runs") + ", " +
         std::to_string(report.comparisons.size()) +
         (report.comparisons.size() == 1 ? " comparison" : " comparisons");
  if (!report.version.empty()) out += ". Made by Peira " + escape_html(report.version);
  if (!report.generated_at.empty()) {
    out += (report.version.empty() ? ". Made " : ", ") + escape_html(report.generated_at);
  }
  out += ".</p>\n";
  if (const std::string notice = sample_data_notice(report.runs); !notice.empty()) {
    const std::size_t colon = notice.find(':');
    out += "<div class=\"notice\" role=\"note\"><strong>" + escape_html(notice.substr(0, colon)) +
           "</strong>" + escape_html(notice.substr(colon + 2)) + "</div>\n";
  }
  bool restricted = false;
  for (const evals::RunRecord& run : report.runs) restricted = restricted || run.restricted;
  if (restricted) {
    out +=
        "<div class=\"notice\" role=\"note\"><strong>Restricted data</strong>Some runs are on a "
        "gated benchmark whose authors ask that its questions and answers stay unpublished. For "
        "these, this page holds ids, verdicts and numbers only.</div>\n";
  }
  out += "</header>\n<main id=\"main\">\n";
  for (const std::string& note : report.notes) out += paragraph(note);
  if (!report.runs.empty()) {
    out += "<section aria-labelledby=\"results\"><h2 id=\"results\">Results</h2>\n" +
           results_html(report.runs) + results_chart(report.runs) + "</section>\n";
  }
  if (!report.comparisons.empty()) {
    out += "<section aria-labelledby=\"comparisons\"><h2 id=\"comparisons\">Comparisons</h2>\n";
    const std::string note = correction_note(report.comparisons);
    if (!note.empty()) out += paragraph(note);
    const auto adjusted = holm_adjusted(report.comparisons);
    for (std::size_t i = 0; i < report.comparisons.size(); ++i) {
      out += comparison_html(report.comparisons[i], note.empty() ? std::nullopt : adjusted[i],
                             i + 1, options.max_flips);
    }
    out += "</section>\n";
  }
  if (!report.runs.empty()) {
    out += "<section aria-labelledby=\"runs\"><h2 id=\"runs\">Run by run</h2>\n";
    for (std::size_t i = 0; i < report.runs.size(); ++i) out += run_html(report.runs[i], i + 1);
    out += "</section>\n";
  }
  if (!report.commands.empty()) {
    out +=
        "<section aria-labelledby=\"made\"><h2 id=\"made\">How this report was made</h2>\n"
        "<pre tabindex=\"0\">";
    for (const std::string& command : report.commands) out += escape_html(command) + "\n";
    out += "</pre></section>\n";
  }
  out += how_to_read_html();
  return out +
         "</main>\n<footer>This page is self-contained: it loads nothing and runs nothing."
         "</footer>\n</body>\n</html>\n";
}

}  // namespace peira::reports
