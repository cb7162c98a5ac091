#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "reports/charts/interval_chart.h"
#include "reports/detail/text.h"
#include "reports/details_tables.h"
#include "reports/html/elements.h"
#include "reports/html/sections.h"
#include "reports/tables.h"

namespace peira::reports::html {
namespace {

using detail::escape_html;

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
    const evals::Metric& headline = headline_metric(run);
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
    const evals::Metric& headline = headline_metric(run);
    if (headline.num_samples == 0) continue;
    rows.push_back({.label = run_label(run),
                    .value = headline.value,
                    .low = headline.low,
                    .high = headline.high,
                    .value_text = score_text(headline),
                    .group = run.suite + ", " + run.profile});
  }
  if (rows.empty()) return "";
  // Runs of one suite side by side, suites in the order of their first runs.
  std::map<std::string, std::size_t> order;
  for (const ChartRow& row : rows) order.try_emplace(row.group, order.size());
  std::stable_sort(rows.begin(), rows.end(), [&](const ChartRow& a, const ChartRow& b) {
    return order.at(a.group) < order.at(b.group);
  });
  ChartOptions options;
  options.id = "chart-results";
  options.title = "Score of each run with its 95 % confidence interval";
  return figure(interval_chart(rows, options));
}

// Suites down, models across: only where that says more than a row a run does.
std::string grid_html(const std::vector<evals::RunRecord>& runs) {
  const Table grid = suites_by_models_table(runs);
  if (grid.rows.size() < 2 || grid.headers.size() < 3) return "";
  return "<h3 class=\"next\">Suites and models</h3>\n" +
         table(grid,
               "Scores with 95 % confidence intervals; of several runs in one place, the "
               "last one named");
}

}  // namespace

std::string results_section(const Report& report) {
  if (report.runs.empty()) return "";
  std::string out = "<section aria-labelledby=\"results\"><h2 id=\"results\">Results</h2>\n" +
                    results_html(report.runs) + grid_html(report.runs) + results_chart(report.runs);
  if (const Table spending = spending_table(report.runs, report.details); !spending.rows.empty()) {
    out +=
        "<h3 class=\"next\">What it took</h3>\n" + table(spending, spending_note(report.details));
  }
  return out + "</section>\n";
}

}  // namespace peira::reports::html
