// Single answers with all that was said, as reports show them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/message.h"
#include "evals/suite.h"

namespace peira::reports {

// One answer of one run to one sample.
struct AnswerStory {
  int epoch = 0;
  evals::Score score;
  std::string gold;  // as this answer's prompt showed the options
  std::string finish_reason;
  std::string failure;  // one line; "" when the model answered
  std::string reasoning, response;
  // Log-likelihood runs: what was weighed instead of a reply, with its log-probability.
  std::vector<std::string> continuations;
  std::vector<double> continuation_logprobs;
  std::int64_t prompt_tokens = 0, completion_tokens = 0;
  double latency_s = 0;
};

// What one run was asked for a sample, and what it said.
struct SampleSide {
  std::vector<Message> prompt;  // of the first answer; media by their bytes, where they are known
  std::vector<AnswerStory> answers;  // by epoch; empty when this run did not ask the sample

  // Mean score over the answers that did not fail; 0 without one.
  double value() const;
  bool has_score() const;
};

struct SampleStory {
  std::string id;
  std::map<std::string, std::string> metadata;  // breakdown fields
  std::vector<SampleSide> sides;                // as many as the section has runs
};

// Samples of one run, or of two side by side.
struct SampleSection {
  std::string title;                // "Questions that changed"
  std::vector<std::string> labels;  // of the sides: "A: direct, bundled"
  bool restricted = false;          // gated data: ids, verdicts and numbers only
  std::vector<SampleStory> samples;
  std::size_t num_left_out = 0;  // more would have been shown but for a limit
};

// What became of a sample: "to right", "to wrong", "higher", "lower", "right", "wrong", "partly",
// "both right", "both wrong", "both equal", "no score", in one word for filters and tables.
std::string outcome_of(const SampleStory& sample);

}  // namespace peira::reports
