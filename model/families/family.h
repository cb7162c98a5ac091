// A family maps a checkpoint's configuration and tensor names onto the layers. Adding one: a file
// beside this, a row in families(), a golden checkpoint.
#pragma once

#include <span>
#include <string_view>

#include "model/config.h"
#include "model/families/weight_loader.h"
#include "model/layers/decoder.h"
#include "model/safetensors.h"

namespace peira::model {

struct Family {
  std::string_view model_type;  // of config.json
  std::string_view class_name;  // as config.json's "architectures" carries it
  // Fills in what this family's config.json says beyond the fields that all share.
  // throws Error(kData): a field is missing, out of range or not supported.
  void (*read_config)(const ConfigFields& fields, ModelConfig& config);
  // Takes all tensors by name, in host memory.
  DecoderWeights (*take_weights)(const ModelConfig& config, WeightLoader& loader);
  // What fields mean that config.json leaves out, where it is not what most families mean: JSON.
  std::string_view defaults = "{}";
  // The member of config.json that holds the fields, where a larger model wraps the one of text;
  // dots go down into members of members.
  std::string_view text_key = {};
  // Fills in what stands beside the text's member: towers. Or null.
  void (*read_towers)(const ConfigFields& beside, ModelConfig& config) = nullptr;
};

// All families, in the order in which messages list them.
std::span<const Family> families();

// The weights of `config.model_type`'s decoder in host memory: the mapped files, which must stay,
// and what DecoderWeights::owned holds. throws Error(kData): a tensor is missing, left over, or of
// another shape than config.json says.
DecoderWeights take_decoder_weights(const ModelConfig& config, CheckpointTensors& tensors);

// One a file of this folder.
Family gemma3_family();
Family gemma3_text_family();
Family gpt_oss_family();
Family llama_family();
Family mixtral_family();
Family olmoe_family();
Family qwen2_moe_family();
Family qwen3_family();
Family qwen3_moe_family();
Family qwen3_next_family();
Family qwen3_omni_moe_family();
Family qwen3_vl_family();
Family qwen3_vl_moe_family();

}  // namespace peira::model
