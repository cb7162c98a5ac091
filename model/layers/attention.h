// Grouped-query self-attention with rotary positions over the key-value cache.
#pragma once

#include "model/layers/batch.h"

namespace peira::model {

struct AttentionWeights {
  Weight q_proj;     // [num_attention_heads * head_dim, hidden_size]
  Weight k_proj;     // [num_key_value_heads * head_dim, hidden_size]
  Weight v_proj;     // likewise
  Weight o_proj;     // [hidden_size, num_attention_heads * head_dim]
  Weight gate_proj;  // as q_proj: its sigmoid multiplies what was attended to; or absent
  ConstTensorView q_bias, k_bias, v_bias, o_bias, gate_bias;  // or absent
  // RMSNorm of queries and keys before they turn: of each head ([head_dim]), or of the whole
  // projection ([heads * head_dim]); or absent.
  ConstTensorView q_norm, k_norm;
  ConstTensorView sinks;  // [num_attention_heads], or absent
};

// buffers.block_out = attention(buffers.normed); the new keys and values go into `cache`.
// Reads the angles in `buffers`. type: full or sliding.
void attention(Backend& backend, const ModelConfig& config, LayerType type,
               const AttentionWeights& weights, const BatchRows& rows, const KvLayer& cache,
               Buffers& buffers);

}  // namespace peira::model
