// Python list literals of strings, as MMMU's files hold options and answers.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace peira::datasets {

// The elements of `literal`: "['a', \"b's\"]", numbers too, as they are written. Empty when it is
// anything else: nothing is evaluated.
std::optional<std::vector<std::string>> parse_python_list(std::string_view literal);

}  // namespace peira::datasets
