#include "runner/judge.h"

#include <algorithm>
#include <exception>

#include "base/error.h"
#include "base/hash.h"
#include "evals/code_judge.h"
#include "evals/judge.h"
#include "runner/judging/judge_desk.h"

namespace peira::runner {
namespace {

evals::Score failed_score(const std::string& why) {
  evals::Score score;
  score.state = evals::AnswerState::kFailed;
  score.why = why;
  return score;
}

}  // namespace

bool is_failure(std::string_view finish_reason) {
  return finish_reason == "error" || finish_reason == "timeout";
}

evals::Score judge(const evals::Profile& profile, const datasets::Sample& sample,
                   const std::vector<int>& permutation, const Reply& reply, std::uint64_t seed,
                   int epoch, evals::CodeRunner* programs) {
  if (is_failure(reply.finish_reason)) {
    return failed_score(reply.failure.empty() ? "no reply: " + std::string(reply.finish_reason)
                                              : std::string(reply.failure));
  }
  evals::ScoreRequest request;
  request.sample = &sample;
  request.permutation = permutation;
  request.response = reply.response;
  request.finish_reason = reply.finish_reason;
  request.completion_tokens = reply.completion_tokens;
  request.seed = derive_seed({"score", std::to_string(seed), sample.id, std::to_string(epoch)});
  try {
    if (profile.code != nullptr && programs != nullptr) {
      return evals::judge_by_running(*profile.code, request, *programs);
    }
    return reply.continuation_logprobs.empty()
               ? profile.score(request)
               : evals::score_by_likelihood(sample, permutation, reply.continuation_logprobs);
  } catch (const Error& failure) {
    if (failure.code() == ErrorCode::kUnavailable) throw;
    return failed_score(std::string("the scorer failed: ") + failure.what());
  } catch (const std::exception& failure) {
    // The reply is stored all the same, and can be scored again once the scorer is mended.
    return failed_score(std::string("the scorer failed: ") + failure.what());
  }
}

void check_judge(const evals::Suite& suite, const evals::Profile& profile, const JudgeDesk* desk) {
  const std::string where = "profile " + profile.name + " of suite " + suite.name;
  if (profile.judge == nullptr) {
    if (desk == nullptr) return;
    throw Error(ErrorCode::kUsage, where +
                                       " is judged by rules, not by a model\n  try: without "
                                       "--judge, or with --rubric FILE");
  }
  if (desk == nullptr) {
    std::string others;
    for (const evals::Profile& other : suite.profiles) {
      if (other.judge == nullptr) others += ", or --profile " + other.name + " (rules)";
    }
    throw Error(ErrorCode::kUsage, where +
                                       " is judged by a model, and none is given\n  try: "
                                       "--judge openai:MODEL@URL, or a folder or .gguf file" +
                                       others);
  }
  if (evals::judge_value(*profile.judge) != evals::judge_value(desk->judge())) {
    throw Error(ErrorCode::kInternal, where + " has another judge than " + desk->judge().name);
  }
}

bool asks_never(const evals::Profile& profile, std::int64_t row) {
  return std::find(profile.skipped_rows.begin(), profile.skipped_rows.end(), row) !=
         profile.skipped_rows.end();
}

}  // namespace peira::runner
