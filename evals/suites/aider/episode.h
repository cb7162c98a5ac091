// One exercise of Aider's polyglot benchmark as a conversation: two tries, the tests' output told
// in between, faulty edits told back at once.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "datasets/exercise.h"
#include "datasets/sample.h"
#include "evals/edits/edit_format.h"
#include "evals/episode.h"

namespace peira::evals::aider {

inline constexpr int kTries = 2;
inline constexpr int kMaxReflections = 3;  // answers to faulty edits, a try

// What came of one exercise, in the terms of aider's own records.
struct ExerciseRecord {
  std::string edit_format;
  std::vector<bool> tests_outcomes;  // a try each; ends with the first that passed
  int test_timeouts = 0;
  int num_error_outputs = 0, num_user_asks = 0;
  int num_exhausted_context_windows = 0, num_malformed_responses = 0;
  int syntax_errors = 0, indentation_errors = 0;  // lines of test output that begin so
  int lazy_comments = 0;                          // lines of replies that stand for code left out
  std::int64_t prompt_tokens = 0, completion_tokens = 0;

  bool passed() const { return !tests_outcomes.empty() && tests_outcomes.back(); }
};
std::string to_json_text(const ExerciseRecord& record);
// throws Error(kData) beginning with `where`: not a record.
ExerciseRecord record_from(const std::string& json, const std::string& where);

// Lines that match "^[+]? *[#].* [.][.][.] ".
int count_lazy_comments(const std::string& reply);

// The messages that a conversation on `sample` begins with.
std::vector<Message> first_messages(const datasets::Sample& sample, edits::EditFormat format);

// sample   of kind "exercises".
// source   Aider-AI/aider 5dc9490, benchmark/benchmark.py and aider/coders/base_coder.py
std::unique_ptr<Episode> make_episode(const datasets::Sample& sample, edits::EditFormat format);

}  // namespace peira::evals::aider
