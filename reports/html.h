// A report as one self-contained HTML page.
#pragma once

#include <cstddef>
#include <string>

#include "reports/report.h"

namespace peira::reports {

struct HtmlOptions {
  std::size_t max_flips = 200;  // listed per comparison of a report without samples; the page says
                                // how many more there are
};

// One page with its style and charts inside: no font, no request to anywhere, which its own
// Content-Security-Policy enforces. Where there are samples, a script of ours, named by its digest
// in that policy, shows them on demand from inert data; without it the key tables stand. Light and
// dark, for screen, phone, keyboard and paper. Equal reports give equal bytes.
// Everything that comes from runs is escaped: model output is untrusted. For a restricted run,
// answers and prompts are left out: ids, verdicts and numbers only.
std::string render_html(const Report& report, const HtmlOptions& options = {});

}  // namespace peira::reports
