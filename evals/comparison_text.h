// The words in which comparisons say what they found.
#pragma once

#include <string>

#include "evals/run_record.h"

namespace peira::evals {

// What would narrow the difference down further, questions or epochs, and how many of them would
// show a difference as large as the one observed; "" where nothing is known. Doubling the questions
// always cuts the standard error by 29 %; doubling the epochs cuts only sampling noise.
std::string advice_of(const Comparison& comparison);

// "12 questions", "1 question".
std::string count_text(std::int64_t count, const char* one, const char* many);

// A share in points, one decimal: "3.1".
std::string points_text(double share);

}  // namespace peira::evals
