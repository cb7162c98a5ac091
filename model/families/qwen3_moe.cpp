// Qwen3-MoE: RMSNorm on each query and key head, softmax router, SwiGLU experts without shared one.
// source  names and shapes: transformers models/qwen3_moe, and its conversion_mapping.py for the
//         fused expert tensors that transformers 5 writes.
#include "model/families/family.h"

namespace peira::model {
namespace {

void read_config(const ConfigFields& fields, ModelConfig& config) {
  read_experts(fields, config);
  require_silu(fields, config);
  refuse_quantization(fields);
  if (fields.flag_or("use_sliding_window", false)) {
    fields.fail(
        "use_sliding_window is true, which is not supported\n  try: a checkpoint that attends over "
        "its whole context");
  }
}

DecoderWeights take_weights(const ModelConfig& config, WeightLoader& loader) {
  const std::int64_t hidden = config.hidden_size;
  DecoderWeights out;
  out.embed_tokens = loader.matrix("model.embed_tokens.weight", {config.vocab_size, hidden});
  for (int i = 0; i < config.num_hidden_layers; ++i) {
    const std::string prefix = "model.layers." + std::to_string(i) + ".";
    DecoderLayerWeights& layer = out.layers.emplace_back();
    layer.input_layernorm = loader.vector(prefix + "input_layernorm.weight", {hidden});
    AttentionWeights attention = loader.attention(prefix + "self_attn.");
    attention.q_norm = loader.vector(prefix + "self_attn.q_norm.weight", {config.head_dim});
    attention.k_norm = loader.vector(prefix + "self_attn.k_norm.weight", {config.head_dim});
    layer.mixer = std::move(attention);
    layer.post_attention_layernorm =
        loader.vector(prefix + "post_attention_layernorm.weight", {hidden});
    if (config.is_moe_layer(i)) {
      MoeWeights moe;
      moe.router = loader.matrix(prefix + "mlp.gate.weight", {config.num_experts, hidden});
      moe.experts = loader.experts(prefix + "mlp.experts.");
      layer.mlp = std::move(moe);
    } else {
      layer.mlp = loader.dense_mlp(prefix + "mlp.", config.intermediate_size);
    }
  }
  out.norm = loader.vector("model.norm.weight", {hidden});
  out.lm_head = loader.lm_head(out.embed_tokens);
  return out;
}

}  // namespace

Family qwen3_moe_family() {
  return {"qwen3_moe", "Qwen3MoeForCausalLM", read_config, take_weights};
}

}  // namespace peira::model
