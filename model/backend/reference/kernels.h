// The reference operations, one file each: plain loops with sums in double, the definition that the
// other backends are compared with. Contracts: model/backend/backend.h.
#pragma once

#include <cstdint>
#include <span>

#include "model/backend/backend.h"

namespace peira::model::reference {

// Element `index` of a vector or another plain tensor of weights, widened.
inline float weight_at(const ConstTensorView& weight, std::int64_t index) {
  switch (weight.dtype) {
    case DType::kBF16:
      return float_from_bf16(static_cast<const std::uint16_t*>(weight.data)[index]);
    case DType::kF16:
      return float_from_f16(static_cast<const std::uint16_t*>(weight.data)[index]);
    default:
      return weight.f32()[index];
  }
}

void embedding(const ConstTensorView& tokens, const Weight& table, float scale,
               const TensorView& out);
void gather_rows(const ConstTensorView& x, const ConstTensorView& rows, const TensorView& out);
void rms_norm(const ConstTensorView& x, const ConstTensorView& weight, float eps,
              const TensorView& out);
void layer_norm(const ConstTensorView& x, const ConstTensorView& weight,
                const ConstTensorView& bias, float eps, const TensorView& out);
void linear(const ConstTensorView& x, const LinearPart& part);
void rope_angles(const ConstTensorView& positions, std::span<const float> inv_freq, float scaling,
                 const TensorView& out);
void axial_rope_angles(const ConstTensorView& positions, std::span<const float> inv_freq,
                       std::span<const std::uint8_t> axes, float scaling, const TensorView& out);
void rope(const TensorView& x, const ConstTensorView& cos_sin);
void store_kv(const ConstTensorView& k, const ConstTensorView& v, const BatchRows& rows,
              const KvLayer& layer);
void attention(const ConstTensorView& q, const BatchRows& rows, const KvLayer& layer,
               const AttentionOptions& options, const TensorView& out);
void segment_attention(const ConstTensorView& q, const ConstTensorView& k, const ConstTensorView& v,
                       std::int64_t segment_rows, float scale, const TensorView& out);
void causal_conv(const ConstTensorView& x, const ConstTensorView& weight, const BatchRows& rows,
                 const TensorView& state, const TensorView& out);
void gated_delta_rule(const ConstTensorView& qkv, const ConstTensorView& a,
                      const ConstTensorView& b, const ConstTensorView& a_log,
                      const ConstTensorView& dt_bias, int num_key_heads, const BatchRows& rows,
                      const TensorView& state, const TensorView& out);
void route(const ConstTensorView& logits, bool norm_topk_prob, const TensorView& expert_ids,
           const TensorView& expert_weights);
void experts(const ConstTensorView& x, const ConstTensorView& expert_ids,
             const ConstTensorView& expert_weights, const ExpertWeights& weights,
             const TensorView& out);
void gated_activation(const GatedActivation& activation, const ConstTensorView& gate,
                      const ConstTensorView& up, const TensorView& out);
void activate(Activation activation, const TensorView& x);
void multiply_sigmoid(const TensorView& x, const ConstTensorView& gate);
void clamp(const TensorView& x, float limit);
void softcap(const TensorView& x, float cap);
void add(const TensorView& x, const ConstTensorView& y);
void log_sum_exp(const ConstTensorView& logits, const TensorView& out);
void arg_max(const ConstTensorView& x, const TensorView& index, const TensorView& value);
void pick(const ConstTensorView& x, const ConstTensorView& columns, const TensorView& out);

}  // namespace peira::model::reference
