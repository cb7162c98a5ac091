// The sections of a report's page, in their order; each "" where there is nothing to say.
#pragma once

#include <cstddef>
#include <string>

#include "reports/report.h"

namespace peira::reports::html {

std::string gates_section(const Report& report);
std::string series_section(const Report& report);
std::string results_section(const Report& report);
std::string comparisons_section(const Report& report, std::size_t max_flips);
// Places for the lists of samples, which the page's script fills, and the blocks of data.
std::string samples_section(const Report& report);
std::string runs_section(const Report& report);

}  // namespace peira::reports::html
