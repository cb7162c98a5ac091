// Names and shapes of the vision tower's tensors.
// source  transformers models/qwen3_vl and models/qwen3_omni_moe.
#include <array>

#include "model/families/weight_loader.h"

namespace peira::model {

VisionMergerWeights WeightLoader::vision_merger(const std::string& prefix, std::int64_t norm_size) {
  const VisionConfig& vision = *config_.vision_config;
  const std::int64_t joined = std::int64_t{vision.merge_unit()} * vision.hidden_size;
  const bool is_omni = has(prefix + "ln_q.weight");
  const std::string norm = prefix + (is_omni ? "ln_q" : "norm");
  const std::string fc1 = prefix + (is_omni ? "mlp.0" : "linear_fc1");
  const std::string fc2 = prefix + (is_omni ? "mlp.2" : "linear_fc2");
  VisionMergerWeights out;
  out.norm_weight = vector(norm + ".weight", {norm_size});
  out.norm_bias = vector(norm + ".bias", {norm_size});
  out.linear_fc1 = matrix(fc1 + ".weight", {joined, joined});
  out.linear_fc1_bias = vector(fc1 + ".bias", {joined});
  out.linear_fc2 = matrix(fc2 + ".weight", {config_.hidden_size, joined});
  out.linear_fc2_bias = vector(fc2 + ".bias", {config_.hidden_size});
  return out;
}

VisionWeights WeightLoader::vision(const std::string& prefix) {
  const VisionConfig& vision = *config_.vision_config;
  const std::int64_t hidden = vision.hidden_size;
  const std::int64_t inner = vision.intermediate_size;
  VisionWeights out;
  // A convolution whose strides are its sizes is a product with its kernel laid flat.
  out.patch_embed = vector(prefix + "patch_embed.proj.weight",
                           {hidden, vision.in_channels, vision.temporal_patch_size,
                            vision.patch_size, vision.patch_size});
  if (out.patch_embed) out.patch_embed.values.shape = {hidden, vision.patch_features()};
  out.patch_embed_bias = vector(prefix + "patch_embed.proj.bias", {hidden});
  out.pos_embed = vector(prefix + "pos_embed.weight", {vision.num_position_embeddings, hidden});
  for (int i = 0; i < vision.depth; ++i) {
    const std::string block = prefix + "blocks." + std::to_string(i) + ".";
    EncoderLayerWeights& weights = out.blocks.emplace_back();
    weights.attention_norm_weight = vector(block + "norm1.weight", {hidden});
    weights.attention_norm_bias = vector(block + "norm1.bias", {hidden});
    weights.mlp_norm_weight = vector(block + "norm2.weight", {hidden});
    weights.mlp_norm_bias = vector(block + "norm2.bias", {hidden});
    const std::string qkv_name = block + "attn.qkv.weight";
    const Weight qkv = matrix(qkv_name, {3 * hidden, hidden});
    const ConstTensorView bias = vector(block + "attn.qkv.bias", {3 * hidden});
    const std::array parts{std::pair(&weights.q, &weights.q_bias),
                           std::pair(&weights.k, &weights.k_bias),
                           std::pair(&weights.v, &weights.v_bias)};
    for (std::int64_t part = 0; part < 3; ++part) {
      const std::array range{RowRange{part * hidden, hidden}};
      const auto& [to, to_bias] = parts[static_cast<std::size_t>(part)];
      *to = rows(qkv, range, qkv_name);
      *to_bias = elements(bias, range);
    }
    weights.out = matrix(block + "attn.proj.weight", {hidden, hidden});
    weights.out_bias = vector(block + "attn.proj.bias", {hidden});
    weights.fc1 = matrix(block + "mlp.linear_fc1.weight", {inner, hidden});
    weights.fc1_bias = vector(block + "mlp.linear_fc1.bias", {inner});
    weights.fc2 = matrix(block + "mlp.linear_fc2.weight", {hidden, inner});
    weights.fc2_bias = vector(block + "mlp.linear_fc2.bias", {hidden});
  }
  out.merger = vision_merger(prefix + "merger.", hidden);
  const bool is_omni = has(prefix + "merger.ln_q.weight");
  for (std::size_t i = 0; i < vision.deepstack_visual_indexes.size(); ++i) {
    out.deepstack.push_back(vision_merger(
        prefix + (is_omni ? "merger_list." : "deepstack_merger_list.") + std::to_string(i) + ".",
        hidden * vision.merge_unit()));
  }
  return out;
}

}  // namespace peira::model
