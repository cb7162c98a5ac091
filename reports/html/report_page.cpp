#include "reports/detail/text.h"
#include "reports/html.h"
#include "reports/html/elements.h"
#include "reports/html/page.h"
#include "reports/html/sections.h"

namespace peira::reports {
namespace {

using detail::escape_html;
using html::paragraph;

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

std::string notice_html(const std::string& title, const std::string& text) {
  return "<div class=\"notice\" role=\"note\"><strong>" + escape_html(title) + "</strong>" +
         escape_html(text) + "</div>\n";
}

std::string header_html(const Report& report) {
  std::string out = "<header><h1>" + escape_html(report.title) + "</h1>\n";
  if (const std::string sentence = headline(report); !sentence.empty()) {
    out += "<p class=\"headline\">" + escape_html(sentence) + "</p>\n";
  }
  out += "<p class=\"muted\">" + std::to_string(report.runs.size()) +
         (report.runs.size() == 1 ? " run" : " runs") + ", " +
         std::to_string(report.comparisons.size()) +
         (report.comparisons.size() == 1 ? " comparison" : " comparisons");
  if (!report.version.empty()) out += ". Made by Peira " + escape_html(report.version);
  if (!report.generated_at.empty()) {
    out += (report.version.empty() ? ". Made " : ", ") + escape_html(report.generated_at);
  }
  out += ".</p>\n";
  if (const std::string notice = sample_data_notice(report.runs); !notice.empty()) {
    const std::size_t colon = notice.find(':');
    out += notice_html(notice.substr(0, colon), notice.substr(colon + 2));
  }
  for (const evals::RunRecord& run : report.runs) {
    if (!run.restricted) continue;
    out += notice_html("Restricted data",
                       "Some runs are on a gated benchmark whose authors ask that its questions "
                       "and answers stay unpublished. For these, this page holds ids, verdicts "
                       "and numbers only.");
    break;
  }
  return out + "</header>\n";
}

}  // namespace

std::string render_html(const Report& report, const HtmlOptions& options) {
  const bool has_script = !report.samples.empty();
  std::string out =
      html::page_begin(report.title, has_script) + header_html(report) + "<main id=\"main\">\n";
  for (const std::string& note : report.notes) out += paragraph(note);
  out += html::gates_section(report);
  out += html::series_section(report);
  out += html::results_section(report);
  out += html::comparisons_section(report, options.max_flips);
  out += html::samples_section(report);
  out += html::runs_section(report);
  if (!report.commands.empty()) {
    out +=
        "<section aria-labelledby=\"made\"><h2 id=\"made\">How this report was made</h2>\n"
        "<pre tabindex=\"0\">";
    for (const std::string& command : report.commands) out += escape_html(command) + "\n";
    out += "</pre></section>\n";
  }
  out += how_to_read_html() + "</main>\n";
  if (has_script) out += html::script();
  return out + html::page_end(has_script ? "This page is self-contained: it loads nothing, and "
                                           "runs only the script that shows its samples."
                                         : "This page is self-contained: it loads nothing and "
                                           "runs nothing.");
}

}  // namespace peira::reports
