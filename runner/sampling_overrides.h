// Sampling as a user asks for it over what the model's own generation config says.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/json.h"
#include "model/sampling.h"

namespace peira::runner {

// What is empty stays as the model has it.
struct SamplingOverrides {
  std::optional<double> temperature, top_p, min_p;
  std::optional<int> top_k;
  std::optional<double> repetition_penalty, presence_penalty, frequency_penalty;
  std::vector<std::pair<std::int32_t, float>> logit_bias;

  // `defaults` with every given value put over it.
  // throws Error(kUsage): a value out of range, named as the command's flag.
  model::SamplingParams over(model::SamplingParams defaults) const;
};

// For manifests and keys. Penalties and bias appear where they do something, so that records of
// before them stay equal.
Json sampling_json(const model::SamplingParams& sampling);

}  // namespace peira::runner
