// A report as GitHub-flavoured Markdown.
#pragma once

#include <cstddef>
#include <string>

#include "reports/report.h"

namespace peira::reports {

struct MarkdownOptions {
  std::size_t max_flips = 50;    // listed per comparison
  std::size_t max_stories = 20;  // samples told in full, per section
};

// The same content as the HTML page, without its charts and with fewer samples. All text is
// escaped; restricted runs show ids, verdicts and numbers only.
std::string render_markdown(const Report& report, const MarkdownOptions& options = {});

}  // namespace peira::reports
