// A layer of a tower: what pictures and sounds go through between stem and merger. Norm, attention
// within segments, norm, two products with an activation between; each half adds to the stream.
// source  transformers models/qwen3_vl (Qwen3VLVisionBlock) and models/qwen3_omni_moe
//         (Qwen3OmniMoeAudioEncoderLayer), which differ in names alone.
#pragma once

#include <algorithm>
#include <cstdint>

#include "model/backend/backend.h"
#include "model/config.h"

namespace peira::model {

// Rows that go through the wide products together: what lies between two of them then stays small,
// whatever a medium's size.
inline constexpr std::int64_t kEncoderRowsAtOnce = 1024;

// body(first, count) over [0, rows) in pieces of at most `size`.
template <typename Body>
void in_pieces(std::int64_t rows, std::int64_t size, const Body& body) {
  for (std::int64_t first = 0; first < rows; first += size) {
    body(first, std::min(size, rows - first));
  }
}

// D hidden_size, I intermediate_size.
struct EncoderLayerWeights {
  ConstTensorView attention_norm_weight, attention_norm_bias;  // [D]
  Weight q, k, v, out;                                         // [D, D] each
  ConstTensorView q_bias, k_bias, v_bias, out_bias;            // [D]
  ConstTensorView mlp_norm_weight, mlp_norm_bias;              // [D]
  Weight fc1;                                                  // [I, D]
  ConstTensorView fc1_bias;                                    // [I]
  Weight fc2;                                                  // [D, I]
  ConstTensorView fc2_bias;                                    // [D]
};

// `weights` where `backend` reads them.
void place(Backend& backend, EncoderLayerWeights& weights);

struct EncoderShape {
  std::int64_t hidden_size, num_heads, intermediate_size;
  Activation activation;
  float norm_eps;
  std::int64_t head_dim() const { return hidden_size / num_heads; }
};

// The activations of one medium of T rows; P = min(T, kEncoderRowsAtOnce).
struct EncoderWork {
  EncoderWork(Backend& backend, const EncoderShape& shape, std::int64_t num_rows);
  // Bytes that it takes.
  static std::int64_t bytes(const EncoderShape& shape, std::int64_t num_rows);

  Tensor hidden;         // [T, D]: the residual stream
  Tensor q, k, v;        // [T, D]
  Tensor attended;       // [T, D]
  Tensor normed, inner;  // [P, D], [P, I]
};

// One layer over work.hidden, in place.
//
// segment_rows  rows that see each other; the last segment may be shorter.
// cos_sin       [T, head_dim] angles that turn queries and keys; empty: they are not turned.
void encoder_layer(Backend& backend, const EncoderShape& shape, const EncoderLayerWeights& weights,
                   std::int64_t segment_rows, const ConstTensorView& cos_sin, EncoderWork& work);

}  // namespace peira::model
