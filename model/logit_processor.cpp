#include "model/logit_processor.h"

namespace peira::model {

std::span<const float> LogitProcessor::process(std::span<const float> logits,
                                               const SamplingParams& params,
                                               std::span<const std::int32_t> prompt,
                                               std::span<const std::int32_t> answer) {
  const bool has_repetition = params.repetition_penalty != 1;
  const bool has_counts = params.presence_penalty != 0 || params.frequency_penalty != 0;
  if (!has_repetition && !has_counts && params.logit_bias.empty()) return logits;
  changed_.assign(logits.begin(), logits.end());
  const auto at = [&](std::int32_t token) -> float& {
    return changed_[static_cast<std::size_t>(token)];
  };
  for (const auto& [token, bias] : params.logit_bias) at(token) += bias;

  counts_.resize(logits.size());
  const auto count_of = [&](std::int32_t token) -> std::int32_t& {
    return counts_[static_cast<std::size_t>(token)];
  };
  if (has_repetition) {
    const auto penalty = static_cast<float>(params.repetition_penalty);
    for (const std::span<const std::int32_t> tokens : {prompt, answer}) {
      for (const std::int32_t token : tokens) {
        if (count_of(token)++ > 0) continue;  // once, however often it occurs
        float& logit = at(token);
        logit = logit > 0 ? logit / penalty : logit * penalty;
      }
    }
    for (const std::span<const std::int32_t> tokens : {prompt, answer}) {
      for (const std::int32_t token : tokens) count_of(token) = 0;
    }
  }
  if (has_counts) {
    for (const std::int32_t token : answer) ++count_of(token);
    for (const std::int32_t token : answer) {
      std::int32_t& count = count_of(token);
      if (count == 0) continue;
      at(token) -= static_cast<float>(params.frequency_penalty * count + params.presence_penalty);
      count = 0;
    }
  }
  return changed_;
}

}  // namespace peira::model
