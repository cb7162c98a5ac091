// From a reply to a verdict: what the executor and rescoring do alike.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "evals/code_runner.h"
#include "evals/suite.h"

namespace peira::runner {

class JudgeDesk;

// One reply, as it came or as it is stored.
struct Reply {
  std::string_view response;
  std::string_view finish_reason;
  std::string_view failure;
  std::int64_t completion_tokens = -1;
  std::vector<double> continuation_logprobs;  // method loglikelihood
};

// Finish reason of a row that the profile's official code never asks; its scorer says what it
// counts.
inline constexpr std::string_view kSkipped = "skipped";

// Whether `finish_reason` means that there is no reply at all.
bool is_failure(std::string_view finish_reason);

// throws  Error(kUsage) unless `desk` is there exactly when `profile` of `suite` has a judge, and
//         asks as that judge does.
void check_judge(const evals::Suite& suite, const evals::Profile& profile, const JudgeDesk* desk);

// Whether the official code of `profile` never asks `row`.
bool asks_never(const evals::Profile& profile, std::int64_t row);

// The verdict of `profile` on `reply` to `sample` in `epoch` of a run seeded with `seed`.
// With log-likelihoods, that of the most likely option (evals::score_by_likelihood).
//
// programs  runs what a profile with programs asks for; may be null for others.
// throws    Error(kUnavailable): programs can no longer be run here.
evals::Score judge(const evals::Profile& profile, const datasets::Sample& sample,
                   const std::vector<int>& permutation, const Reply& reply, std::uint64_t seed,
                   int epoch, evals::CodeRunner* programs = nullptr);

}  // namespace peira::runner
