// Questions that take several turns: a model is asked, programs are run, and what came of them
// decides what is asked next.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/message.h"
#include "evals/code_runner.h"

namespace peira::evals {

// What the model said when it was asked.
struct EpisodeReply {
  std::string text;           // without reasoning; "" when nothing fitted
  std::string finish_reason;  // "stop", "length", "refusal" ...; never "error" or "timeout"
  bool too_long = false;      // it was not asked: the messages are more than its context holds
  std::int64_t prompt_tokens = 0, completion_tokens = 0;
};

struct EpisodeStep {
  enum class Kind { kAsk, kRun, kEnd };
  Kind kind = Kind::kEnd;
  std::vector<Message> messages = {};  // kAsk
  CodeRequest program = {};            // kRun
  std::string toolchain = {};          // kRun: whose programs it needs, e.g. "python"
  std::string record = {};             // kEnd: what came of it, one JSON object
};

// One question's conversation, from the first message to its record. Carries nothing out: whoever
// drives it does, and tells what came of each step.
//
// Deterministic: the same replies and results make the same steps, so that a conversation that
// ended early is brought back by telling a new Episode what is stored of it.
// threads: one at a time.
class Episode {
 public:
  virtual ~Episode() = default;
  // What comes next. Asked again without an answer in between, it says the same.
  virtual EpisodeStep next() = 0;
  // The reply to the messages of a kAsk step.
  virtual void take(const EpisodeReply& reply) = 0;
  // What became of the program of a kRun step.
  virtual void take(const CodeResult& result) = 0;
};

}  // namespace peira::evals
