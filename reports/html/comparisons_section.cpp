#include "reports/charts/interval_chart.h"
#include "reports/detail/text.h"
#include "reports/html/elements.h"
#include "reports/html/sections.h"
#include "reports/tables.h"

namespace peira::reports::html {
namespace {

using detail::escape_html;

std::string difference_text(const evals::Comparison& comparison, const std::string& unit) {
  std::string text = detail::format_number("%+.1f", 100 * comparison.difference) + unit;
  if (comparison.low && comparison.high) {
    text += " (" + detail::format_number("%+.1f", 100 * *comparison.low) + " to " +
            detail::format_number("%+.1f", 100 * *comparison.high) + ")";
  }
  return text;
}

// All differences on one axis, so that they may be seen side by side.
std::string forest_html(const std::vector<evals::Comparison>& comparisons) {
  std::vector<ChartRow> rows;
  for (const evals::Comparison& comparison : comparisons) {
    if (!comparison.has_difference()) continue;
    rows.push_back({.label = run_label(comparison.b) + " against " + run_label(comparison.a),
                    .value = comparison.difference,
                    .low = comparison.low,
                    .high = comparison.high,
                    .value_text = difference_text(comparison, ""),
                    .group = comparison.b.suite + ", " + comparison.b.profile});
  }
  if (rows.size() < 2) return "";
  ChartOptions options = difference_axis(rows);
  options.id = "forest";
  options.title = "Differences in points, B less A, each with its 95 % confidence interval";
  return "<h3>All differences, in points</h3>\n<p class=\"muted\">To the right of the line at zero "
         "B is better. Intervals at 95 %, each for itself.</p>\n" +
         figure(interval_chart(rows, options));
}

std::string comparison_html(const evals::Comparison& comparison, std::optional<double> holm_p,
                            std::size_t index, std::size_t max_flips, bool has_samples) {
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
    const std::vector<ChartRow> rows{{.label = "B - A",
                                      .value = comparison.difference,
                                      .low = comparison.low,
                                      .high = comparison.high,
                                      .value_text = difference_text(comparison, " points"),
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
  out += details("All figures",
                 table(comparison_table(comparison, holm_p), "Figures of this comparison"));
  const Table flips = flips_table(comparison, max_flips);
  // With its samples in the page, a comparison's list stands there.
  if (!flips.rows.empty() && !has_samples) {
    const auto total = static_cast<std::size_t>(comparison.to_right + comparison.to_wrong);
    const std::string caption = total > flips.rows.size()
                                    ? "The first " + std::to_string(flips.rows.size()) + " of " +
                                          std::to_string(total) +
                                          " questions that changed; the JSON report lists more"
                                    : "All questions that changed";
    out += details("Questions that changed (" + std::to_string(total) + ")", table(flips, caption));
  }
  return out + "</article>\n";
}

}  // namespace

std::string comparisons_section(const Report& report, std::size_t max_flips) {
  if (report.comparisons.empty()) return "";
  std::string out =
      "<section aria-labelledby=\"comparisons\"><h2 id=\"comparisons\">Comparisons</h2>\n";
  const std::string note = correction_note(report.comparisons);
  if (!note.empty()) out += paragraph(note);
  out += forest_html(report.comparisons);
  const auto adjusted = holm_adjusted(report.comparisons);
  for (std::size_t i = 0; i < report.comparisons.size(); ++i) {
    out += comparison_html(report.comparisons[i], note.empty() ? std::nullopt : adjusted[i], i + 1,
                           max_flips, !report.samples.empty());
  }
  return out + "</section>\n";
}

}  // namespace peira::reports::html
