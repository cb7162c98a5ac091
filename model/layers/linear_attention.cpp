#include "model/layers/linear_attention.h"

#include <array>

namespace peira::model {

void linear_attention(Backend& backend, const ModelConfig& config,
                      const LinearAttentionWeights& weights, const BatchRows& batch,
                      const RecurrentLayer& state, Buffers& buffers) {
  const std::int64_t rows = batch.positions.shape[0];
  const TensorView qkv = buffers.qkv.slice(0, rows);
  const TensorView mixed = buffers.conv_out.slice(0, rows);
  const TensorView z = buffers.z.slice(0, rows);
  const TensorView a = buffers.a.slice(0, rows);
  const TensorView b = buffers.b.slice(0, rows);
  const TensorView attended = buffers.delta_out.slice(0, rows);

  backend.linear(
      buffers.normed.slice(0, rows),
      std::array{LinearPart{weights.qkv_proj, {}, qkv}, LinearPart{weights.z_proj, {}, z},
                 LinearPart{weights.a_proj, {}, a}, LinearPart{weights.b_proj, {}, b}});
  backend.causal_conv(qkv, weights.conv, batch, state.conv, mixed);
  backend.gated_delta_rule(mixed, a, b, weights.a_log, weights.dt_bias, config.linear_num_key_heads,
                           batch, state.delta, attended);
  const TensorView heads =
      attended.reshape({rows * config.linear_num_value_heads, config.linear_value_head_dim});
  backend.rms_norm(heads, weights.norm, static_cast<float>(config.rms_norm_eps), heads);
  backend.gated_activation({.kind = GatedActivation::Kind::kSwiGlu}, z, attended, attended);
  backend.linear(attended,
                 std::array{LinearPart{weights.out_proj, {}, buffers.block_out.slice(0, rows)}});
}

}  // namespace peira::model
