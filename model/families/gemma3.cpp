// Gemma 3: norms before and after each block, RMSNorm on each query and key head, GELU-gated units,
// most layers with a sliding window and a rotation of their own, a scaled and tied embedding. The
// text of checkpoints that also read images (gemma3) runs without their vision part.
// source  names, shapes and defaults: transformers models/gemma3.
#include <cmath>

#include "model/families/family.h"

namespace peira::model {
namespace {

void read_rotations(const ConfigFields& fields, ModelConfig& config) {
  // transformers 4 wrote rope_theta and rope_scaling for the layers that see everything and
  // rope_local_base_freq for the others; 5 writes an object for each kind of layer.
  RopeParameters local;
  local.rope_theta = fields.positive_or("rope_local_base_freq", 10000);
  const Json* const nested = fields.find("rope_parameters");
  if (nested != nullptr) {
    const std::string where = fields.where() + ": rope_parameters";
    const ConfigFields kinds(*nested, where);
    const Json* const full = kinds.find("full_attention");
    const Json* const sliding = kinds.find("sliding_attention");
    if (full == nullptr && sliding == nullptr) {
      kinds.fail("neither full_attention nor sliding_attention is there");
    }
    if (full != nullptr) {
      config.rope_parameters = read_rope(fields, ConfigFields(*full, where + ": full_attention"),
                                         config.max_position_embeddings);
    }
    if (sliding != nullptr) {
      const double theta = local.rope_theta;
      local = read_rope(fields, ConfigFields(*sliding, where + ": sliding_attention"),
                        config.max_position_embeddings);
      if (!sliding->contains("rope_theta")) local.rope_theta = theta;
    }
  }
  config.local_rope_parameters = local;
}

void read_config(const ConfigFields& fields, ModelConfig& config) {
  config.hidden_act = fields.text_or("hidden_activation", "gelu_pytorch_tanh");
  if (config.hidden_act != "gelu_pytorch_tanh") {
    fields.fail("hidden_activation \"" + config.hidden_act +
                "\" is not supported\n  supported: gelu_pytorch_tanh");
  }
  config.activation.kind = GatedActivation::Kind::kGeGluTanh;
  refuse_quantization(fields);
  if (fields.find("attn_logit_softcapping") != nullptr) {
    fields.fail("attn_logit_softcapping is " + shown_json(*fields.find("attn_logit_softcapping")) +
                "\n  supported: null");
  }
  const Json* const bidirectional = fields.find("use_bidirectional_attention");
  if (bidirectional != nullptr && *bidirectional != Json(false)) {
    fields.fail("use_bidirectional_attention is " + shown_json(*bidirectional) +
                "\n  supported: false");
  }
  if (fields.find("final_logit_softcapping") != nullptr) {
    config.final_logit_softcapping = fields.positive_or("final_logit_softcapping", 0);
  }
  config.attention_scale = 1 / std::sqrt(fields.positive_or("query_pre_attn_scalar", 256));
  // As transformers has it in float32; in bfloat16 it rounds the factor to that type too.
  config.embedding_scale = std::sqrt(static_cast<double>(config.hidden_size));
  if (!read_layer_types(fields, {LayerType::kFullAttention, LayerType::kSlidingAttention},
                        config)) {
    const auto pattern =
        static_cast<std::size_t>(fields.integer_or("sliding_window_pattern", 1, 10000, 6));
    for (std::size_t i = 0; i < config.layer_types.size(); ++i) {
      const bool is_full = (i + 1) % pattern == 0;
      config.layer_types[i] = is_full ? LayerType::kFullAttention : LayerType::kSlidingAttention;
    }
  }
  read_sliding_window(fields, config);
  read_rotations(fields, config);
}

// Norms are stored as their difference from one.
DecoderWeights take_text(const ModelConfig& config, WeightLoader& loader, const std::string& prefix,
                         const std::string& lm_head_name) {
  const std::int64_t hidden = config.hidden_size;
  const auto norm = [&](const std::string& name, std::int64_t size) {
    return loader.shifted_vector(name, {size}, 1);
  };
  DecoderWeights out;
  out.embed_tokens = loader.matrix(prefix + "embed_tokens.weight", {config.vocab_size, hidden});
  for (int i = 0; i < config.num_hidden_layers; ++i) {
    const std::string in_layer = prefix + "layers." + std::to_string(i) + ".";
    DecoderLayerWeights& layer = out.layers.emplace_back();
    layer.input_layernorm = norm(in_layer + "input_layernorm.weight", hidden);
    AttentionWeights attention = loader.attention(in_layer + "self_attn.");
    attention.q_norm = norm(in_layer + "self_attn.q_norm.weight", config.head_dim);
    attention.k_norm = norm(in_layer + "self_attn.k_norm.weight", config.head_dim);
    layer.mixer = std::move(attention);
    layer.post_mixer_norm = norm(in_layer + "post_attention_layernorm.weight", hidden);
    // This family's own word for the norm in front of the feed-forward block.
    layer.post_attention_layernorm = norm(in_layer + "pre_feedforward_layernorm.weight", hidden);
    layer.mlp = loader.dense_mlp(in_layer + "mlp.", config.intermediate_size);
    layer.post_mlp_norm = norm(in_layer + "post_feedforward_layernorm.weight", hidden);
  }
  out.norm = norm(prefix + "norm.weight", hidden);
  out.lm_head = loader.lm_head(out.embed_tokens, lm_head_name);
  return out;
}

DecoderWeights take_weights(const ModelConfig& config, WeightLoader& loader) {
  return take_text(config, loader, "model.", "lm_head.weight");
}

// Published files say language_model.model.layers..., transformers 4.52 and later in memory
// model.language_model.layers...
DecoderWeights take_wrapped_weights(const ModelConfig& config, WeightLoader& loader) {
  const bool is_renamed = loader.has("model.language_model.embed_tokens.weight");
  for (const char* const part : {"vision_tower.", "multi_modal_projector."}) {
    loader.leave_out((is_renamed ? "model." : "") + std::string(part),
                     "the engine reads no images; text runs");
  }
  return is_renamed
             ? take_text(config, loader, "model.language_model.", "lm_head.weight")
             : take_text(config, loader, "language_model.model.", "language_model.lm_head.weight");
}

// The published files of the larger models leave most fields to the class.
constexpr std::string_view kDefaults = R"({
  "vocab_size": 262208, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 26,
  "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256,
  "max_position_embeddings": 131072, "rope_theta": 1e6, "sliding_window": 4096,
  "tie_word_embeddings": true, "bos_token_id": 2, "eos_token_id": 1, "pad_token_id": 0})";

}  // namespace

Family gemma3_text_family() {
  return {"gemma3_text", "Gemma3ForCausalLM", read_config, take_weights, kDefaults};
}

Family gemma3_family() {
  return {"gemma3",    "Gemma3ForConditionalGeneration",
          read_config, take_wrapped_weights,
          kDefaults,   "text_config"};
}

}  // namespace peira::model
