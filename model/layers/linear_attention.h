// Gated DeltaNet: attention of linear cost with a recurrent state instead of a key-value cache.
#pragma once

#include "model/layers/batch.h"

namespace peira::model {

// Nk, Nv: linear_num_key_heads, linear_num_value_heads; Dk, Dv: linear_key_head_dim,
// linear_value_head_dim; C: conv_channels().
struct LinearAttentionWeights {
  Weight qkv_proj;          // [C, hidden_size]: queries, keys and values of all heads
  Weight z_proj;            // [Nv * Dv, hidden_size]: the output gate
  Weight a_proj;            // [Nv, hidden_size]: decay
  Weight b_proj;            // [Nv, hidden_size]: update strength
  Weight out_proj;          // [hidden_size, Nv * Dv]
  ConstTensorView conv;     // [C, linear_conv_kernel_dim]
  ConstTensorView a_log;    // [Nv]
  ConstTensorView dt_bias;  // [Nv]
  ConstTensorView norm;     // [Dv], RMSNorm of each head before the gate
};

// buffers.block_out = linear_attention(buffers.normed); `state` moves on by the batch's rows.
// source  Yang et al. 2024, arXiv:2412.06464; transformers models/qwen3_next.
void linear_attention(Backend& backend, const ModelConfig& config,
                      const LinearAttentionWeights& weights, const BatchRows& rows,
                      const RecurrentLayer& state, Buffers& buffers);

}  // namespace peira::model
