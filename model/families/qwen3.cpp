// Qwen3, dense: RMSNorm on each query and key head, SwiGLU; the last layers may slide.
// source  names, shapes and defaults: transformers models/qwen3.
#include "model/families/family.h"

namespace peira::model {
namespace {

void read_config(const ConfigFields& fields, ModelConfig& config) {
  require_silu(fields, config);
  read_fp8(fields, config);
  refuse_partial_rotation(fields);
  if (!fields.flag_or("use_sliding_window", false)) {
    read_layer_types(fields, {LayerType::kFullAttention}, config);
    return;
  }
  if (!read_layer_types(fields, {LayerType::kFullAttention, LayerType::kSlidingAttention},
                        config)) {
    const auto first =
        static_cast<std::size_t>(fields.integer_or("max_window_layers", 0, kLargestConfigSize, 28));
    for (std::size_t i = first; i < config.layer_types.size(); ++i) {
      config.layer_types[i] = LayerType::kSlidingAttention;
    }
  }
  read_sliding_window(fields, config);
}

DecoderWeights take_weights(const ModelConfig& config, WeightLoader& loader) {
  return loader.decoder([&](int, const std::string& prefix, DecoderLayerWeights& layer) {
    AttentionWeights attention = loader.attention(prefix + "self_attn.");
    attention.q_norm = loader.vector(prefix + "self_attn.q_norm.weight", {config.head_dim});
    attention.k_norm = loader.vector(prefix + "self_attn.k_norm.weight", {config.head_dim});
    layer.mixer = std::move(attention);
    layer.mlp = loader.dense_mlp(prefix + "mlp.", config.intermediate_size);
  });
}

}  // namespace

Family qwen3_family() {
  return {"qwen3", "Qwen3ForCausalLM", read_config, take_weights,
          R"({"head_dim": 128, "sliding_window": 4096})"};
}

}  // namespace peira::model
