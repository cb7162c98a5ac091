// Qwen3-MoE: RMSNorm on each query and key head, softmax router, SwiGLU experts without shared one.
// source  names and shapes: transformers models/qwen3_moe, and its conversion_mapping.py for the
//         fused expert tensors that transformers 5 writes.
#include "model/families/family.h"

namespace peira::model {
namespace {

void read_config(const ConfigFields& fields, ModelConfig& config) {
  read_experts(fields, config);
  require_silu(fields, config);
  read_fp8(fields, config);
  refuse_partial_rotation(fields);
  if (fields.flag_or("use_sliding_window", false)) {
    fields.fail(
        "use_sliding_window is true, which is not supported\n  try: a checkpoint that attends over "
        "its whole context");
  }
}

DecoderWeights take_weights(const ModelConfig& config, WeightLoader& loader) {
  return loader.decoder([&](int index, const std::string& prefix, DecoderLayerWeights& layer) {
    AttentionWeights attention = loader.attention(prefix + "self_attn.");
    attention.q_norm = loader.vector(prefix + "self_attn.q_norm.weight", {config.head_dim});
    attention.k_norm = loader.vector(prefix + "self_attn.k_norm.weight", {config.head_dim});
    layer.mixer = std::move(attention);
    layer.mlp = loader.mlp(index, prefix + "mlp.");
  });
}

}  // namespace

Family qwen3_moe_family() {
  return {"qwen3_moe", "Qwen3MoeForCausalLM", read_config, take_weights};
}

}  // namespace peira::model
