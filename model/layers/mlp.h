// The two feed-forward blocks of a decoder layer: a dense gated unit, and a router over experts.
#pragma once

#include <optional>

#include "model/layers/batch.h"

namespace peira::model {

struct DenseMlpWeights {
  Weight gate_proj;                                              // [inner, hidden_size]
  Weight up_proj;                                                // [inner, hidden_size]
  Weight down_proj;                                              // [hidden_size, inner]
  ConstTensorView gate_bias = {}, up_bias = {}, down_bias = {};  // or absent
};

struct MoeWeights {
  Weight router;                // [num_experts, hidden_size]
  ConstTensorView router_bias;  // [num_experts], or absent
  ExpertWeights experts;
  std::optional<DenseMlpWeights> shared_expert;  // sees every token
  Weight shared_expert_gate;  // [1, hidden_size]: its sigmoid multiplies the shared expert
};

// buffers.block_out = mlp(buffers.normed) for the first `rows` rows.
void dense_mlp(Backend& backend, const ModelConfig& config, const DenseMlpWeights& weights,
               std::int64_t rows, Buffers& buffers);
void moe(Backend& backend, const ModelConfig& config, const MoeWeights& weights, std::int64_t rows,
         Buffers& buffers);

}  // namespace peira::model
