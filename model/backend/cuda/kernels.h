// The operations on CUDA, one file each, queued on a stream. Contracts: model/backend/backend.h.
// Launchers return when the kernels are queued; a launch of no rows queues nothing.
#pragma once

#include <cstdint>

#include "model/backend/backend.h"
#include "model/backend/cuda/matmul.h"
#include "model/backend/cuda/stream.h"

namespace peira::model::cuda {

void embedding(const ConstTensorView& tokens, const Weight& table, float scale,
               const TensorView& out, Stream& stream);
void gather_rows(const ConstTensorView& x, const ConstTensorView& rows, const TensorView& out,
                 Stream& stream);
void rms_norm(const ConstTensorView& x, const ConstTensorView& weight, float eps,
              const TensorView& out, Stream& stream);
void layer_norm(const ConstTensorView& x, const ConstTensorView& weight,
                const ConstTensorView& bias, float eps, const TensorView& out, Stream& stream);
// inv_freq  [R / 2], the device's.
void rope_angles(const ConstTensorView& positions, const float* inv_freq, float scaling,
                 const TensorView& out, Stream& stream);
// inv_freq, axes  [R / 2], the device's.
void axial_rope_angles(const ConstTensorView& positions, const float* inv_freq,
                       const std::uint8_t* axes, float scaling, const TensorView& out,
                       Stream& stream);
void rope(const TensorView& x, const ConstTensorView& cos_sin, Stream& stream);
void store_kv(const ConstTensorView& k, const ConstTensorView& v, const BatchRows& rows,
              const KvLayer& layer, Stream& stream);
void attention(const ConstTensorView& q, const BatchRows& rows, const KvLayer& layer,
               const AttentionOptions& options, const TensorView& out, Stream& stream);
void segment_attention(const ConstTensorView& q, const ConstTensorView& k, const ConstTensorView& v,
                       std::int64_t segment_rows, float scale, const TensorView& out,
                       Stream& stream);
void causal_conv(const ConstTensorView& x, const ConstTensorView& weight, const BatchRows& rows,
                 const TensorView& state, const TensorView& out, Stream& stream);
void gated_delta_rule(const ConstTensorView& qkv, const ConstTensorView& a,
                      const ConstTensorView& b, const ConstTensorView& a_log,
                      const ConstTensorView& dt_bias, int num_key_heads, const BatchRows& rows,
                      const TensorView& state, const TensorView& out, Stream& stream);
void route(const ConstTensorView& logits, bool norm_topk_prob, const TensorView& expert_ids,
           const TensorView& expert_weights, Stream& stream);
void experts(const ConstTensorView& x, const ConstTensorView& expert_ids,
             const ConstTensorView& expert_weights, const ExpertWeights& weights,
             const PlacedExperts& placed, const TensorView& out, Stream& stream);
void linear(const ConstTensorView& x, std::span<const LinearPart> parts, Stream& stream);
void gated_activation(const GatedActivation& activation, const float* gate, const float* up,
                      float* out, std::int64_t size, Stream& stream);
void activate(Activation activation, const TensorView& x, Stream& stream);
void multiply_sigmoid(const TensorView& x, const ConstTensorView& gate, Stream& stream);
void clamp(const TensorView& x, float limit, Stream& stream);
void softcap(const TensorView& x, float cap, Stream& stream);
void add(const TensorView& x, const ConstTensorView& y, Stream& stream);
void log_sum_exp(const ConstTensorView& logits, const TensorView& out, Stream& stream);
void arg_max(const ConstTensorView& x, const TensorView& index, const TensorView& value,
             Stream& stream);
void pick(const ConstTensorView& x, const ConstTensorView& columns, const TensorView& out,
          Stream& stream);

}  // namespace peira::model::cuda
