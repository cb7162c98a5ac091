// OLMoE: RMSNorm over the whole of the query and key projections, clamped queries, keys and values,
// a softmax router whose weights are not divided by their sum.
// source  names, shapes and defaults: transformers models/olmoe.
#include "model/families/family.h"

namespace peira::model {
namespace {

void read_config(const ConfigFields& fields, ModelConfig& config) {
  read_experts(fields, config);
  config.moe_intermediate_size = config.intermediate_size;
  require_silu(fields, config);
  refuse_quantization(fields);
  refuse_partial_rotation(fields);
  if (fields.find("clip_qkv") != nullptr) config.clip_qkv = fields.positive_or("clip_qkv", 0);
}

DecoderWeights take_weights(const ModelConfig& config, WeightLoader& loader) {
  const std::int64_t q_size = std::int64_t{config.num_attention_heads} * config.head_dim;
  const std::int64_t kv_size = std::int64_t{config.num_key_value_heads} * config.head_dim;
  return loader.decoder([&](int, const std::string& prefix, DecoderLayerWeights& layer) {
    AttentionWeights attention = loader.attention(prefix + "self_attn.");
    attention.q_norm = loader.vector(prefix + "self_attn.q_norm.weight", {q_size});
    attention.k_norm = loader.vector(prefix + "self_attn.k_norm.weight", {kv_size});
    layer.mixer = std::move(attention);
    layer.mlp = loader.sparse_mlp(prefix + "mlp.");
  });
}

}  // namespace

Family olmoe_family() {
  return {"olmoe", "OlmoeForCausalLM", read_config, take_weights, R"({"rms_norm_eps": 1e-5})"};
}

}  // namespace peira::model
