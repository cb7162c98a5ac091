// A run's records summed up as aider's leaderboard has them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "evals/suites/aider/episode.h"

namespace peira::evals::aider {

struct Totals {
  std::int64_t completed = 0;            // exercises that ended, those that crashed among them
  std::vector<std::int64_t> pass_num;    // by try: passed then or earlier
  std::vector<double> pass_rate;         // the same, percent of `completed`
  double percent_cases_well_formed = 0;  // percent without a malformed reply
  std::int64_t num_with_malformed_responses = 0;
  std::int64_t num_malformed_responses = 0;
  std::int64_t error_outputs = 0, user_asks = 0, lazy_comments = 0;
  std::int64_t syntax_errors = 0, indentation_errors = 0;
  std::int64_t exhausted_context_windows = 0, test_timeouts = 0;
  std::int64_t prompt_tokens = 0, completion_tokens = 0;
};

// records  empty where an exercise crashed: nothing is known of it, and it passed no try.
// returns  as many tries as the longest record has: one where all passed at once.
// source   Aider-AI/aider 5dc9490, benchmark/benchmark.py, summarize_results
Totals totals(std::span<const std::optional<ExerciseRecord>> records);

}  // namespace peira::evals::aider
