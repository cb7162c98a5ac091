#include "runner/sampling_overrides.h"

#include <cmath>
#include <string>

#include "base/error.h"

namespace peira::runner {

model::SamplingParams SamplingOverrides::over(model::SamplingParams defaults) const {
  const auto put = [](const auto& given, auto& value, const char* flag, const char* range,
                      const auto& is_in_range) {
    if (!given) return;
    if (!is_in_range(*given)) {
      throw Error(ErrorCode::kUsage, std::string(flag) + " must be " + range);
    }
    value = *given;
  };
  const auto is_finite = [](double value) { return std::isfinite(value); };
  put(temperature, defaults.temperature, "--temperature", "0 or more",
      [](double value) { return value >= 0 && std::isfinite(value); });
  put(top_k, defaults.top_k, "--top-k", "0 or more", [](int value) { return value >= 0; });
  put(top_p, defaults.top_p, "--top-p", "above 0 and at most 1",
      [](double value) { return value > 0 && value <= 1; });
  put(min_p, defaults.min_p, "--min-p", "between 0 and 1",
      [](double value) { return value >= 0 && value <= 1; });
  put(repetition_penalty, defaults.repetition_penalty, "--repetition-penalty", "above 0",
      [](double value) { return value > 0 && std::isfinite(value); });
  put(presence_penalty, defaults.presence_penalty, "--presence-penalty", "a number", is_finite);
  put(frequency_penalty, defaults.frequency_penalty, "--frequency-penalty", "a number", is_finite);
  if (!logit_bias.empty()) defaults.logit_bias = logit_bias;
  return defaults;
}

Json sampling_json(const model::SamplingParams& sampling) {
  Json out{{"temperature", sampling.temperature},
           {"top_k", sampling.top_k},
           {"top_p", sampling.top_p},
           {"min_p", sampling.min_p}};
  if (sampling.repetition_penalty != 1) out["repetition_penalty"] = sampling.repetition_penalty;
  if (sampling.presence_penalty != 0) out["presence_penalty"] = sampling.presence_penalty;
  if (sampling.frequency_penalty != 0) out["frequency_penalty"] = sampling.frequency_penalty;
  if (!sampling.logit_bias.empty()) out["logit_bias"] = sampling.logit_bias;
  return out;
}

}  // namespace peira::runner
