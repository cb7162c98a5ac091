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
  // A card a row on a phone, while these are few; roles, since `display: block` would take them.
  constexpr std::size_t kMostCards = 60;
  const bool has_cards = table.headers.size() > 2 && table.rows.size() <= kMostCards;
  const auto role = [&](const char* name) {
    return has_cards ? std::string(" role=\"") + name + "\"" : std::string();
  };
  std::string out =
      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"" + escape_html(caption) +
      "\">" + (has_cards ? "<table class=\"cards\" role=\"table\">" : "<table>") + "<caption>" +
      escape_html(caption) + "</caption><thead" + role("rowgroup") + "><tr" + role("row") + ">";
  const auto classes = [&table](std::size_t column) {
    const bool right =
        column < table.alignments.size() && table.alignments[column] == Align::kRight;
    return std::string(right ? " class=\"r\"" : "");
  };
  for (std::size_t i = 0; i < table.headers.size(); ++i) {
    out += "<th scope=\"col\"" + role("columnheader") + classes(i) + ">" +
           escape_html(table.headers[i]) + "</th>";
  }
  out += "</tr></thead><tbody" + role("rowgroup") + ">\n";
  for (const auto& row : table.rows) {
    out += "<tr" + role("row") + ">";
    for (std::size_t i = 0; i < row.size(); ++i) {
      out.append(i == 0 ? "<th scope=\"row\"" + role("rowheader") : "<td" + role("cell"));
      if (has_cards && i > 0 && !row[i].empty()) {
        out += " data-label=\"" + escape_html(table.headers[i]) + "\"";
      }
      out.append(classes(i)).append(">");
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
