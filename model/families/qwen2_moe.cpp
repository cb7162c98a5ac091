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

// The output projection has no bias, whatever the others have.
AttentionWeights take_attention(const ModelConfig& config, WeightLoader& loader,
                                const std::string& prefix) {
  const std::int64_t hidden = config.hidden_size;
  const std::int64_t q_size = std::int64_t{config.num_attention_heads} * config.head_dim;
  const std::int64_t kv_size = std::int64_t{config.num_key_value_heads} * config.head_dim;
  AttentionWeights out;
  out.q_proj = loader.matrix(prefix + "q_proj.weight", {q_size, hidden});
  out.k_proj = loader.matrix(prefix + "k_proj.weight", {kv_size, hidden});
  out.v_proj = loader.matrix(prefix + "v_proj.weight", {kv_size, hidden});
  out.o_proj = loader.matrix(prefix + "o_proj.weight", {hidden, q_size});
  if (config.attention_bias) {
    out.q_bias = loader.vector(prefix + "q_proj.bias", {q_size});
    out.k_bias = loader.vector(prefix + "k_proj.bias", {kv_size});
    out.v_bias = loader.vector(prefix + "v_proj.bias", {kv_size});
  }
  return out;
}

DecoderWeights take_weights(const ModelConfig& config, WeightLoader& loader) {
  const std::int64_t hidden = config.hidden_size;
  DecoderWeights out;
  out.embed_tokens = loader.matrix("model.embed_tokens.weight", {config.vocab_size, hidden});
  for (int i = 0; i < config.num_hidden_layers; ++i) {
    const std::string prefix = "model.layers." + std::to_string(i) + ".";
    DecoderLayerWeights& layer = out.layers.emplace_back();
    layer.input_layernorm = loader.vector(prefix + "input_layernorm.weight", {hidden});
    layer.mixer = take_attention(config, loader, prefix + "self_attn.");
    layer.post_attention_layernorm =
        loader.vector(prefix + "post_attention_layernorm.weight", {hidden});
    if (!config.is_moe_layer(i)) {
      layer.mlp = loader.dense_mlp(prefix + "mlp.", config.intermediate_size);
      continue;
    }
    MoeWeights moe;
    moe.router = loader.matrix(prefix + "mlp.gate.weight", {config.num_experts, hidden});
    moe.experts = loader.experts(prefix + "mlp.experts.");
    moe.shared_expert =
        loader.dense_mlp(prefix + "mlp.shared_expert.", config.shared_expert_intermediate_size);
    moe.shared_expert_gate = loader.matrix(prefix + "mlp.shared_expert_gate.weight", {1, hidden});
    layer.mlp = std::move(moe);
  }
  out.norm = loader.vector("model.norm.weight", {hidden});
  out.lm_head = loader.lm_head(out.embed_tokens);
  return out;
}

}  // namespace

Family qwen2_moe_family() {
  return {"qwen2_moe", "Qwen2MoeForCausalLM", read_config, take_weights};
}

}  // namespace peira::model
