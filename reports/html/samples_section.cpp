#include "reports/detail/text.h"
#include "reports/details_tables.h"
#include "reports/html/elements.h"
#include "reports/html/sample_data.h"
#include "reports/html/sections.h"

namespace peira::reports::html {
namespace {

constexpr std::size_t kMostRowsWithoutScript = 200;

}  // namespace

std::string samples_section(const Report& report) {
  if (report.samples.empty()) return "";
  std::string out = "<section aria-labelledby=\"samples\"><h2 id=\"samples\">Samples</h2>\n";
  for (std::size_t i = 0; i < report.samples.size(); ++i) {
    const SampleSection& section = report.samples[i];
    out += "<h3>" + isolated(section.title) + "</h3>\n";
    for (const std::string& label : section.labels) {
      out += "<p class=\"muted\">" + isolated(label) + "</p>\n";
    }
    if (section.num_left_out > 0) {
      out += paragraph(std::to_string(section.num_left_out) +
                       " more are not in this page (--max-samples, or its size).");
    }
    if (section.samples.empty()) {
      out += paragraph("None.");
      continue;
    }
    // Filled by the page's script; the table stands where no script may run.
    out += "<div data-samples=\"" + std::to_string(i) + "\"><noscript>" +
           table(samples_table(section, kMostRowsWithoutScript),
                 section.samples.size() > kMostRowsWithoutScript
                     ? "The first " + std::to_string(kMostRowsWithoutScript) + " of " +
                           std::to_string(section.samples.size()) + " samples"
                     : "Samples") +
           "</noscript></div>\n";
  }
  return out + sample_blocks(report.samples) + "</section>\n";
}

}  // namespace peira::reports::html
