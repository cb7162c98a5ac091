// A judge that is a model: what it is asked about a reply, and what its own replies come to. A
// declaration, like a profile: runner/ asks.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/message.h"
#include "base/response_format.h"
#include "evals/suite.h"

namespace peira::evals {

// One thing asked of a judge. `name` tells the questions about one reply apart; "" for the only
// one.
struct JudgeQuestion {
  std::string name;  // "", "rubric", "first", "swapped"
  std::vector<Message> messages;
};

// What a judge sees of one reply.
struct JudgeRequest : ScoreRequest {
  std::string_view other;  // the reply compared with, of judges that compare two; may be empty

  JudgeRequest() = default;
  explicit JudgeRequest(const ScoreRequest& request) : ScoreRequest(request) {}
};

// How replies are judged by a model. `name`, `version` and the wording identify it: verdicts
// compare within one of them, and one judging model, only.
//
// threads: immutable once made; its functions may be called from any.
struct ModelJudge {
  std::string name;       // "hle", "rubric", "pairwise"
  int version = 1;        // raised when the meaning of a verdict changes
  std::string wording;    // all fixed text that the judge is shown, for the manifest's digest
  std::string source;     // what it reproduces
  ResponseFormat format;  // that its replies are held to
  int max_tokens = 4096;

  // What is asked about the reply in `request`, in order. Not called for replies that `settled`
  // takes.
  std::function<std::vector<JudgeQuestion>(const JudgeRequest& request)> questions;
  // The verdict where no judge is needed (no reply, an empty one); empty for the judge to decide.
  std::function<std::optional<Score>(const JudgeRequest& request)> settled;
  // What is wrong with a judge's reply, one line; "" for one that holds a verdict.
  std::function<std::string(std::string_view reply)> defect;
  // The verdict of the judge's replies, as many as questions and each without defect.
  std::function<Score(const JudgeRequest& request, std::span<const std::string> replies)> verdict;
};

// {"name", "version", "sha256" of the wording, "source", "max_tokens", "format"}: the part of a
// manifest that says how it was judged.
Json judge_value(const ModelJudge& judge);

// The JSON object that a judge's reply is: the whole reply, or what a ``` fence in it holds.
// Empty where there is none.
std::optional<Json> judge_object(std::string_view reply);

// What the answer to a sample is when a judge gave no verdict on it: the reply is there and stays,
// nothing is counted as wrong.
Score judge_failure(std::string_view why);
// Whether a failure's one-line reason is that of judge_failure().
bool is_judge_failure(std::string_view failure);

// Confidence that a reply states, as a fraction (0.9; more than 1 where a judge said more than
// 100). Kept among the notes of a score, so that stores and exported files carry it as they are.
void note_confidence(Score& score, double confidence);
std::optional<double> noted_confidence(const Score& score);

}  // namespace peira::evals
