#include "evals/suites/aider/totals.h"

#include <algorithm>

namespace peira::evals::aider {

Totals totals(std::span<const std::optional<ExerciseRecord>> records) {
  std::size_t tries = 0;
  for (const auto& record : records) {
    if (record) tries = std::max(tries, record->tests_outcomes.size());
  }
  Totals sum;
  sum.pass_num.resize(tries);
  for (const auto& record : records) {
    ++sum.completed;
    if (!record) continue;
    if (record->passed()) {
      for (std::size_t i = record->tests_outcomes.size() - 1; i < tries; ++i) ++sum.pass_num[i];
    }
    sum.num_malformed_responses += record->num_malformed_responses;
    sum.num_with_malformed_responses += record->num_malformed_responses > 0 ? 1 : 0;
    sum.error_outputs += record->num_error_outputs;
    sum.user_asks += record->num_user_asks;
    sum.lazy_comments += record->lazy_comments;
    sum.syntax_errors += record->syntax_errors;
    sum.indentation_errors += record->indentation_errors;
    sum.exhausted_context_windows += record->num_exhausted_context_windows;
    sum.test_timeouts += record->test_timeouts;
    sum.prompt_tokens += record->prompt_tokens;
    sum.completion_tokens += record->completion_tokens;
  }
  const auto percent = [&](std::int64_t count) {
    return sum.completed == 0
               ? 0
               : 100 * static_cast<double>(count) / static_cast<double>(sum.completed);
  };
  for (const std::int64_t passed : sum.pass_num) sum.pass_rate.push_back(percent(passed));
  sum.percent_cases_well_formed = percent(sum.completed - sum.num_with_malformed_responses);
  return sum;
}

}  // namespace peira::evals::aider
