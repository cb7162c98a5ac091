// Llama 2 and 3, and what else is published under its name: grouped-query attention and SwiGLU.
// source  names, shapes and defaults: transformers models/llama.
#include "model/families/family.h"

namespace peira::model {
namespace {

void read_config(const ConfigFields& fields, ModelConfig& config) {
  require_silu(fields, config);
  refuse_quantization(fields);
  refuse_partial_rotation(fields);
  config.mlp_bias = fields.flag_or("mlp_bias", false);
  const std::int64_t slices = fields.integer_or("pretraining_tp", 1, 65536, 1);
  if (slices != 1) {
    fields.fail("pretraining_tp is " + std::to_string(slices) +
                "\n  products summed in slices are not supported; try: pretraining_tp 1, which "
                "differs in the last bits only");
  }
}

DecoderWeights take_weights(const ModelConfig& config, WeightLoader& loader) {
  // Early conversions stored what rope_theta says anyway.
  for (int i = 0; i < config.num_hidden_layers; ++i) {
    loader.leave_out("model.layers." + std::to_string(i) + ".self_attn.rotary_emb.inv_freq",
                     "rope_theta says the same");
  }
  return loader.decoder([&](int, const std::string& prefix, DecoderLayerWeights& layer) {
    layer.mixer = loader.attention(prefix + "self_attn.");
    layer.mlp = loader.dense_mlp(prefix + "mlp.", config.intermediate_size);
  });
}

}  // namespace

Family llama_family() {
  return {"llama", "LlamaForCausalLM", read_config, take_weights,
          R"({"max_position_embeddings": 2048})"};
}

}  // namespace peira::model
