#include "model/families/family.h"

#include <algorithm>
#include <array>

#include "base/error.h"

namespace peira::model {

std::span<const Family> families() {
  static const std::array kFamilies{
      qwen3_moe_family(), qwen3_family(),     qwen3_next_family(),   gpt_oss_family(),
      mixtral_family(),   olmoe_family(),     llama_family(),        gemma3_text_family(),
      gemma3_family(),    qwen2_moe_family(), qwen3_vl_moe_family(), qwen3_omni_moe_family(),
      qwen3_vl_family()};
  return kFamilies;
}

DecoderWeights take_decoder_weights(const ModelConfig& config, CheckpointTensors& tensors) {
  const std::span<const Family> all = families();
  const auto family = std::find_if(all.begin(), all.end(), [&](const Family& candidate) {
    return candidate.model_type == config.model_type;
  });
  if (family == all.end()) {
    throw Error(ErrorCode::kInternal, "no family is named " + config.model_type);
  }
  WeightLoader loader(config, tensors);
  DecoderWeights host = family->take_weights(config, loader);
  tensors.finish();
  host.owned = loader.take_owned();
  for (Tensor& tensor : tensors.take_owned()) host.owned.push_back(std::move(tensor));
  host.notes = loader.take_notes();
  return host;
}

}  // namespace peira::model
