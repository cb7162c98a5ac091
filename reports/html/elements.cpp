#include "reports/html/elements.h"

#include "reports/detail/text.h"
#include "reports/report.h"

namespace peira::reports::html {

using detail::escape_html;

std::string isolated(const std::string& text) { return "<bdi>" + escape_html(text) + "</bdi>"; }

std::string paragraph(const std::string& text, const std::string& classes) {
  return "<p" + (classes.empty() ? "" : " class=\"" + classes + "\"") + ">" + escape_html(text) +
         "</p>\n";
}

std::string table(const Table& table, const std::string& caption) {
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

std::string details(const std::string& summary, const std::string& body, bool open) {
  return std::string("<details") + (open ? " open" : "") + "><summary>" + escape_html(summary) +
         "</summary><div>" + body + "</div></details>\n";
}

std::string figure(const std::string& svg) { return "<div class=\"figure\">" + svg + "</div>\n"; }

std::string run_label(const evals::RunRecord& run) {
  return run.variant + ", " + run.model +
         (run.method == "loglikelihood" ? ", by log-likelihood" : "");
}

const evals::Metric& headline_metric(const evals::RunRecord& run) {
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

}  // namespace peira::reports::html
