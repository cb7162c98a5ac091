// Linear attention on the CPU: causal convolution and gated delta rule, with SIMD over channels and
// over the columns of a state. Contracts: model/backend/backend.h.
#pragma once

#include <cstdint>
#include <functional>

#include "model/backend/backend.h"

namespace peira::model::cpu {

// body(first, last) over blocks that cover [0, count), maybe on several threads; returns when all
// are done. work: multiply-adds, or as long, of one index. align: blocks start at its multiples.
using ForBlocks =
    std::function<void(std::int64_t count, std::int64_t work, std::int64_t align,
                       const std::function<void(std::int64_t first, std::int64_t last)>& body)>;

// Sequences and groups of channels in parallel; a channel adds its taps from the oldest on.
void causal_conv(const ForBlocks& for_blocks, const ConstTensorView& x,
                 const ConstTensorView& weight, const BatchRows& rows, const TensorView& state,
                 const TensorView& out);

// Sequences, heads and groups of columns in parallel; a column's tokens follow each other, and each
// of its sums runs over the key's elements from the first on.
void gated_delta_rule(const ForBlocks& for_blocks, const ConstTensorView& qkv,
                      const ConstTensorView& a, const ConstTensorView& b,
                      const ConstTensorView& a_log, const ConstTensorView& dt_bias,
                      int num_key_heads, const BatchRows& rows, const TensorView& state,
                      const TensorView& out);

// One sequence's rows of some channels. Pointers are to the first of these channels.
struct ConvRows {
  const float* x;       // row r at r * stride
  const float* weight;  // [channels, width]
  float* state;         // [channels, width - 1]
  float* out;           // as x
  float* scratch;       // (2 * width - 1) vectors of floats
  std::int64_t num_rows;
  std::int64_t channels;
  std::int64_t stride;
  std::int64_t width;
  bool is_start;  // the sequence begins here: its past is zero
};

// One sequence's rows of some columns of a head's state. Pointers are to the first row and column.
struct DeltaRows {
  const float* q;      // [key_dim] of unit length times key_dim^-1/2; row r at r * qk_stride
  const float* k;      // [key_dim] of unit length
  const float* v;      // [columns]; row r at r * v_stride
  const float* decay;  // row r at r * gate_stride
  const float* beta;
  float* state;  // element i of the key at i * state_stride
  float* out;    // [columns]; row r at r * out_stride
  std::int64_t num_rows;
  std::int64_t key_dim;
  std::int64_t columns;
  std::int64_t state_stride;
  std::int64_t qk_stride;
  std::int64_t v_stride;
  std::int64_t gate_stride;
  std::int64_t out_stride;
};

}  // namespace peira::model::cpu
