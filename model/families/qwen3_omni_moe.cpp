// The thinker of Qwen3-Omni: the decoder of Qwen3-MoE, turned by positions on three axes that
// follow the clock, beside a vision and an audio tower. What speaks (talker, code2wav) does not run
// here. source  names, shapes and defaults: transformers models/qwen3_omni_moe.
#include "model/families/family.h"

namespace peira::model {
namespace {

void read_text(const ConfigFields& fields, ModelConfig& config) {
  read_experts(fields, config);
  config.norm_topk_prob = fields.flag_or("norm_topk_prob", true);
  require_silu(fields, config);
  read_fp8(fields, config);
  refuse_partial_rotation(fields);
  read_mrope(fields, config);
}

void read_beside(const ConfigFields& beside, ModelConfig& config) {
  read_vision(beside, config);
  read_audio(beside, config);
  config.video_layout = VideoLayout::kOneBlock;
  config.position_id_per_seconds = beside.positive_or("position_id_per_seconds", 25);
  config.tie_word_embeddings = beside.flag_or("tie_word_embeddings", false);
}

// Published files say thinker.model. and so on, those of a thinker alone model.
DecoderWeights take_weights(const ModelConfig& config, WeightLoader& loader) {
  const std::string whole = loader.has("thinker.model.embed_tokens.weight") ? "thinker." : "";
  DecoderWeights out = loader.decoder(
      [&](int index, const std::string& prefix, DecoderLayerWeights& layer) {
        AttentionWeights attention = loader.attention(prefix + "self_attn.");
        attention.q_norm = loader.vector(prefix + "self_attn.q_norm.weight", {config.head_dim});
        attention.k_norm = loader.vector(prefix + "self_attn.k_norm.weight", {config.head_dim});
        layer.mixer = std::move(attention);
        layer.mlp = loader.mlp(index, prefix + "mlp.");
      },
      0, {whole + "model.", whole + "lm_head.weight"});
  out.towers.vision = loader.vision(whole + "visual.");
  out.towers.audio = loader.audio(whole + "audio_tower.");
  loader.leave_out("talker.", "what speaks does not run; answers are text");
  loader.leave_out("code2wav.", "what speaks does not run; answers are text");
  return out;
}

}  // namespace

Family qwen3_omni_moe_family() {
  return {"qwen3_omni_moe",
          "Qwen3OmniMoeForConditionalGeneration",
          read_text,
          take_weights,
          R"({"rope_theta": 1000000.0, "num_experts": 128, "num_experts_per_tok": 8,
              "moe_intermediate_size": 768})",
          "thinker_config.text_config",
          read_beside};
}

}  // namespace peira::model
