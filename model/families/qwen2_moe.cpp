// Qwen2-MoE (Qwen1.5-MoE-A2.7B, Qwen2-57B-A14B): biases on queries, keys and values, a softmax
// router, and beside the chosen experts a gated shared one.
// source  names and shapes: transformers models/qwen2_moe.
#include "model/families/family.h"

namespace peira::model {
namespace {

void read_config(const ConfigFields& fields, ModelConfig& config) {
  require(fields, "num_key_value_heads");
  read_experts(fields, config);
  config.shared_expert_intermediate_size = fields.size("shared_expert_intermediate_size");
  config.attention_bias = fields.flag_or("qkv_bias", true);
  require_silu(fields, config);
  refuse_quantization(fields);
  if (fields.flag_or("use_sliding_window", false)) {
    fields.fail(
        "use_sliding_window is true, which is not supported\n  try: a checkpoint that attends over "
        "its whole context");
  }
}

DecoderWeights take_weights(const ModelConfig& /*config*/, WeightLoader& loader) {
  return loader.decoder([&](int index, const std::string& prefix, DecoderLayerWeights& layer) {
    layer.mixer = loader.attention(prefix + "self_attn.", WeightLoader::OutputBias::kNever);
    layer.mlp = loader.mlp(index, prefix + "mlp.");
  });
}

}  // namespace

Family qwen2_moe_family() {
  return {"qwen2_moe", "Qwen2MoeForCausalLM", read_config, take_weights};
}

}  // namespace peira::model
