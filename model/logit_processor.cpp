#include "model/logit_processor.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace peira::model {

bool LogitProcessor::changes(const SamplingParams& params) {
  return params.repetition_penalty != 1 || params.presence_penalty != 0 ||
         params.frequency_penalty != 0 || !params.logit_bias.empty();
}

std::span<const float> LogitProcessor::process(std::span<const float> logits,
                                               const SamplingParams& params,
                                               std::span<const std::int32_t> prompt,
                                               std::span<const std::int32_t> answer) {
  if (!changes(params)) return logits;
  const bool has_repetition = params.repetition_penalty != 1;
  const bool has_counts = params.presence_penalty != 0 || params.frequency_penalty != 0;
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

std::span<const float> LogitProcessor::restrict(std::span<const float> logits, TokenGuide& guide,
                                                std::span<const std::int32_t> stop_tokens) {
  constexpr float kForbidden = -std::numeric_limits<float>::infinity();
  restricted_.assign(logits.size(), kForbidden);
  // A bias beyond float32 is still an allowed token's.
  const auto allow = [&](std::size_t id) {
    restricted_[id] = std::max(logits[id], std::numeric_limits<float>::lowest());
  };
  const std::span<const std::uint64_t> mask = guide.allowed();
  for (std::size_t word = 0; word < mask.size(); ++word) {
    for (std::uint64_t bits = mask[word]; bits != 0; bits &= bits - 1) {
      const std::size_t id = word * 64 + static_cast<std::size_t>(std::countr_zero(bits));
      if (id >= logits.size()) break;
      allow(id);
    }
  }
  const bool may_end = guide.may_end();
  for (const std::int32_t token : stop_tokens) {
    const auto id = static_cast<std::size_t>(token);
    if (token < 0 || id >= logits.size()) continue;
    restricted_[id] = kForbidden;
    if (may_end) allow(id);
  }
  const bool any = std::any_of(restricted_.begin(), restricted_.end(),
                               [](float logit) { return logit > kForbidden; });
  return any ? std::span<const float>(restricted_) : std::span<const float>();
}

}  // namespace peira::model
