#include "model/layers/attention.h"

#include <array>
#include <vector>

namespace peira::model {

void attention(Backend& backend, const ModelConfig& config, LayerType type,
               const AttentionWeights& weights, const BatchRows& batch, const KvLayer& cache,
               Buffers& buffers) {
  const std::int64_t rows = batch.positions.shape[0];
  const bool is_sliding = type == LayerType::kSlidingAttention;
  const TensorView q = buffers.q.slice(0, rows);
  const TensorView k = buffers.k.slice(0, rows);
  const TensorView v = buffers.v.slice(0, rows);
  const TensorView gate = buffers.attention_gate.slice(0, rows);
  const TensorView attended = buffers.attended.slice(0, rows);
  const TensorView cos_sin =
      (is_sliding && config.local_rope_parameters ? buffers.local_cos_sin : buffers.cos_sin)
          .slice(0, rows);

  std::vector<LinearPart> projections{{weights.q_proj, weights.q_bias, q},
                                      {weights.k_proj, weights.k_bias, k},
                                      {weights.v_proj, weights.v_bias, v}};
  if (weights.gate_proj) projections.push_back({weights.gate_proj, weights.gate_bias, gate});
  backend.linear(buffers.normed.slice(0, rows), projections);
  // transformers' OLMoE norms queries and keys first and clamps what comes out.
  const auto norm = [&](const ConstTensorView& weight, const TensorView& x) {
    if (!weight) return;
    const std::int64_t size = weight.shape[0];
    const TensorView groups = x.reshape({x.num_elements() / size, size});
    backend.rms_norm(groups, weight, static_cast<float>(config.rms_norm_eps), groups);
  };
  norm(weights.q_norm, q);
  norm(weights.k_norm, k);
  if (config.clip_qkv > 0) {
    for (const TensorView& x : {q, k, v}) backend.clamp(x, static_cast<float>(config.clip_qkv));
  }
  const Shape q_shape{rows, config.num_attention_heads, config.head_dim};
  const Shape kv_shape{rows, config.num_key_value_heads, config.head_dim};
  backend.rope(q.reshape(q_shape), cos_sin);
  backend.rope(k.reshape(kv_shape), cos_sin);

  backend.store_kv(k.reshape(kv_shape), v.reshape(kv_shape), batch, cache);
  backend.attention(q.reshape(q_shape), batch, cache,
                    {.scale = static_cast<float>(config.attention_scale),
                     .sliding_window = is_sliding ? config.sliding_window : 0,
                     .sinks = weights.sinks},
                    attended);
  if (weights.gate_proj) backend.multiply_sigmoid(attended, gate);
  backend.linear(attended, std::array{LinearPart{weights.o_proj, weights.o_bias,
                                                 buffers.block_out.slice(0, rows)}});
}

}  // namespace peira::model
