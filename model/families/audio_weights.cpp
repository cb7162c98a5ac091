// Names and shapes of the audio tower's tensors.
// source  transformers models/qwen3_omni_moe.
#include "model/families/weight_loader.h"

namespace peira::model {

ConstTensorView WeightLoader::with_last_axes_swapped(const ConstTensorView& stored,
                                                     std::int64_t rows, std::int64_t from,
                                                     std::int64_t to) {
  if (!stored) return {};
  const TensorView out = own(stored.dtype, {rows, to * from});
  const auto copy = [&]<typename Bits>(Bits /*of an element*/) {
    const auto* const source = static_cast<const Bits*>(stored.data);
    auto* const target = static_cast<Bits*>(out.data);
    for (std::int64_t row = 0; row < rows; ++row) {
      for (std::int64_t i = 0; i < to; ++i) {
        for (std::int64_t j = 0; j < from; ++j) {
          target[(row * to + i) * from + j] = source[(row * from + j) * to + i];
        }
      }
    }
  };
  if (stored.dtype == DType::kF32) {
    copy(std::uint32_t{});
  } else {
    copy(std::uint16_t{});
  }
  return out;
}

AudioWeights WeightLoader::audio(const std::string& prefix) {
  const AudioConfig& audio = *config_.audio_config;
  const std::int64_t size = audio.d_model;
  const std::int64_t inner = audio.encoder_ffn_dim;
  const std::int64_t channels = audio.downsample_hidden_size;
  const std::int64_t bands = audio.downsampled_bands();
  const auto linear = [&](const std::string& name, std::int64_t out, std::int64_t in,
                          Weight& weight, ConstTensorView& bias) {
    weight = matrix(prefix + name + ".weight", {out, in});
    bias = vector(prefix + name + ".bias", {out});
  };
  const auto norm = [&](const std::string& name, ConstTensorView& weight, ConstTensorView& bias) {
    weight = vector(prefix + name + ".weight", {size});
    bias = vector(prefix + name + ".bias", {size});
  };
  AudioWeights out;
  // Kernels are stored [out, in, 3, 3]; inside of a neighbour the channels lie side by side.
  const auto convolution = [&](const std::string& name, std::int64_t in, ConstTensorView& bias) {
    const ConstTensorView stored = vector(prefix + name + ".weight", {channels, in, 3, 3});
    bias = vector(prefix + name + ".bias", {channels});
    return Weight(with_last_axes_swapped(stored, channels, in, 9));
  };
  out.conv1 = convolution("conv2d1", 1, out.conv1_bias);
  out.conv2 = convolution("conv2d2", channels, out.conv2_bias);
  out.conv3 = convolution("conv2d3", channels, out.conv3_bias);
  // Stored channel by band.
  out.conv_out = with_last_axes_swapped(
      vector(prefix + "conv_out.weight", {size, channels * bands}), size, channels, bands);
  for (int i = 0; i < audio.encoder_layers; ++i) {
    const std::string layer = "layers." + std::to_string(i) + ".";
    EncoderLayerWeights& weights = out.layers.emplace_back();
    norm(layer + "self_attn_layer_norm", weights.attention_norm_weight,
         weights.attention_norm_bias);
    linear(layer + "self_attn.q_proj", size, size, weights.q, weights.q_bias);
    linear(layer + "self_attn.k_proj", size, size, weights.k, weights.k_bias);
    linear(layer + "self_attn.v_proj", size, size, weights.v, weights.v_bias);
    linear(layer + "self_attn.out_proj", size, size, weights.out, weights.out_bias);
    norm(layer + "final_layer_norm", weights.mlp_norm_weight, weights.mlp_norm_bias);
    linear(layer + "fc1", inner, size, weights.fc1, weights.fc1_bias);
    linear(layer + "fc2", size, inner, weights.fc2, weights.fc2_bias);
  }
  norm("ln_post", out.ln_post_weight, out.ln_post_bias);
  linear("proj1", size, size, out.proj1, out.proj1_bias);
  linear("proj2", config_.hidden_size, size, out.proj2, out.proj2_bias);
  return out;
}

}  // namespace peira::model
