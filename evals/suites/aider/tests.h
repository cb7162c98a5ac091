// Running an exercise's tests: the command for each language, and its output as it is told back.
#pragma once

#include <string>
#include <string_view>

#include "datasets/exercise.h"
#include "evals/code_runner.h"
#include "evals/edits/workspace.h"

namespace peira::evals::aider {

inline constexpr std::chrono::seconds kTestTime{180};

// Which tests are run by: "python", "rust", "go", "javascript", "cpp" or "java", by the suffix of
// the tests' names; "" when no command is known.
std::string toolchain_of(const datasets::Exercise& exercise);

// The program that runs the tests of `exercise` on the files of `workspace`: in the folder
// /work/NAME, test files as they were published, but for Java's @Disabled, which is taken off.
// Skipped tests of the other languages are run too. Standard error joins standard output.
CodeRequest test_program(const datasets::Exercise& exercise, const edits::Workspace& workspace);

// Output as the model is told it: durations such as "in 0.12s" are taken out and the folder's path
// becomes its name; bytes that are not UTF-8 become U+FFFD.
std::string clean_output(std::string_view output, const std::string& exercise_name);

// Java tests without "@Disabled(...)" lines.
std::string without_disabled(std::string_view source);

}  // namespace peira::evals::aider
