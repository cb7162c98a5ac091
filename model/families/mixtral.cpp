// Mixtral: a softmax router whose chosen weights are divided by their sum, SwiGLU experts named w1
// (gate), w3 (up) and w2 (down); all layers slide where sliding_window is not null.
// source  names, shapes and defaults: transformers models/mixtral, and its conversion_mapping.py
//         for the names that transformers 5 has in memory.
#include "model/families/family.h"

namespace peira::model {
namespace {

void read_config(const ConfigFields& fields, ModelConfig& config) {
  read_experts(fields, config);
  config.norm_topk_prob = true;
  config.moe_intermediate_size = config.intermediate_size;
  require_silu(fields, config);
  refuse_quantization(fields);
  refuse_partial_rotation(fields);
  if (fields.find("sliding_window") != nullptr) {
    config.layer_types.assign(config.layer_types.size(), LayerType::kSlidingAttention);
  }
  read_sliding_window(fields, config);
}

DecoderWeights take_weights(const ModelConfig& config, WeightLoader& loader) {
  return loader.decoder([&](int, const std::string& prefix, DecoderLayerWeights& layer) {
    layer.mixer = loader.attention(prefix + "self_attn.");
    const bool is_renamed = loader.has(prefix + "mlp.gate.weight");
    const std::string block = prefix + (is_renamed ? "mlp." : "block_sparse_moe.");
    MoeWeights moe;
    moe.router = loader.matrix(block + "gate.weight", {config.num_experts, config.hidden_size});
    moe.experts = loader.experts(block + "experts.", {.gate = "w1", .up = "w3", .down = "w2"});
    layer.mlp = std::move(moe);
  });
}

}  // namespace

Family mixtral_family() {
  return {"mixtral", "MixtralForCausalLM", read_config, take_weights,
          R"({"rms_norm_eps": 1e-5, "rope_theta": 1e6, "num_key_value_heads": 8,
              "max_position_embeddings": 131072})"};
}

}  // namespace peira::model
