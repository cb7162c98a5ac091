// Qwen3-VL, dense and sparse: the decoder of Qwen3 or Qwen3-MoE, turned by positions on three axes,
// beside a vision tower.
// source  names, shapes and defaults: transformers models/qwen3_vl, models/qwen3_vl_moe.
#include "model/families/family.h"

namespace peira::model {
namespace {

void read_text(const ConfigFields& fields, ModelConfig& config) {
  require_silu(fields, config);
  read_fp8(fields, config);
  refuse_partial_rotation(fields);
  read_mrope(fields, config);
}

void read_sparse(const ConfigFields& fields, ModelConfig& config) {
  read_experts(fields, config);
  config.norm_topk_prob = true;  // always, whatever the field says
  read_text(fields, config);
}

void read_beside(const ConfigFields& beside, ModelConfig& config) {
  read_vision(beside, config);
  // The whole model's word; what text_config says is of the text alone.
  config.tie_word_embeddings = beside.flag_or("tie_word_embeddings", false);
}

// Published files say model.language_model. and model.visual., older ones model. and visual.
DecoderWeights take_weights(const ModelConfig& config, WeightLoader& loader) {
  const bool is_nested = loader.has("model.language_model.embed_tokens.weight");
  DecoderWeights out = loader.decoder(
      [&](int index, const std::string& prefix, DecoderLayerWeights& layer) {
        AttentionWeights attention = loader.attention(prefix + "self_attn.");
        attention.q_norm = loader.vector(prefix + "self_attn.q_norm.weight", {config.head_dim});
        attention.k_norm = loader.vector(prefix + "self_attn.k_norm.weight", {config.head_dim});
        layer.mixer = std::move(attention);
        layer.mlp = loader.mlp(index, prefix + "mlp.");
      },
      0, {is_nested ? "model.language_model." : "model.", "lm_head.weight"});
  out.towers.vision = loader.vision(is_nested ? "model.visual." : "visual.");
  return out;
}

}  // namespace

Family qwen3_vl_moe_family() {
  return {"qwen3_vl_moe",
          "Qwen3VLMoeForConditionalGeneration",
          read_sparse,
          take_weights,
          R"({"rope_theta": 500000.0, "num_experts_per_tok": 4})",
          "text_config",
          read_beside};
}

Family qwen3_vl_family() {
  return {"qwen3_vl",
          "Qwen3VLForConditionalGeneration",
          read_text,
          take_weights,
          R"({"rope_theta": 500000.0, "head_dim": 128})",
          "text_config",
          read_beside};
}

}  // namespace peira::model
