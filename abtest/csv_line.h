// One line of CSV, for the small files of experiments; tables of any size have
// abtest/outcome_table.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace peira::abtest {

// Cells of `line` as RFC 4180 quotes them, without line breaks inside.
// where   named in the error, e.g. "outcomes.csv:12".
// throws  Error(kData): a quoted cell does not end on its line.
std::vector<std::string> csv_cells(std::string_view line, const std::string& where);

}  // namespace peira::abtest
