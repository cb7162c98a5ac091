// What layers pass along: the rows of one forward pass, and buffers that are reused between passes.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "model/backend/backend.h"
#include "model/config.h"
#include "model/towers/media_encoder.h"

namespace peira::model {

// Consecutive rows that are placeholders of one medium.
struct MediaRows {
  std::int64_t first_row = 0;
  std::int64_t num_rows = 0;
  std::shared_ptr<const EncodedMedium> medium;
  std::int64_t first_embedding = 0;  // the first row's, of medium->embeddings
};

// New tokens of several sequences, one row each, a sequence's rows together and in order.
struct Batch {
  std::vector<std::int32_t> tokens;          // [T]
  std::vector<std::int32_t> positions;       // [T]
  std::vector<AxisPosition> axis_positions;  // [T] where the model has mrope_section, else empty
  std::vector<SequenceRows> sequences;
  std::vector<MediaRows> media;

  std::int64_t num_rows() const { return static_cast<std::int64_t>(tokens.size()); }
  void clear() {
    tokens.clear();
    positions.clear();
    axis_positions.clear();
    sequences.clear();
    media.clear();
  }
};

// Device memory for the intermediate values of up to `max_rows` rows.
class Buffers {
 public:
  Buffers(Backend& backend, const ModelConfig& config, std::int64_t max_rows);

  std::int64_t max_rows() const { return max_rows_; }
  // Bytes that buffers for `max_rows` rows take, but for integers per row.
  static std::int64_t bytes(const ModelConfig& config, std::int64_t max_rows);

  // What a batch is padded to; see BatchRows.
  struct Padding {
    std::int64_t num_rows = 0;   // at least the batch's; also of sequences
    std::int64_t num_pages = 0;  // a sequence, at least the batch's
  };
  // `batch` as the operations read it, written to the device. Valid until the next call.
  BatchRows upload(const Batch& batch) { return upload(batch, {}); }
  BatchRows upload(const Batch& batch, const Padding& padding);

  Tensor tokens;          // [max_rows] int32
  Tensor axis_positions;  // [max_rows, 3], with mrope_section
  Tensor hidden;          // [max_rows, hidden_size]: the residual stream
  Tensor normed;          // [max_rows, hidden_size]: a block's input
  Tensor block_out;       // [max_rows, hidden_size]: what a block adds
  Tensor q;               // [max_rows, num_attention_heads * head_dim]
  Tensor k;               // [max_rows, num_key_value_heads * head_dim]
  Tensor v;               // [max_rows, num_key_value_heads * head_dim]
  Tensor attended;        // [max_rows, num_attention_heads * head_dim]
  Tensor attention_gate;  // [max_rows, num_attention_heads * head_dim]
  Tensor cos_sin;         // [max_rows, rotary_dim]
  Tensor local_cos_sin;   // [max_rows, rotary_dim], of local_rope_parameters
  Tensor router_logits;   // [max_rows, num_experts]
  Tensor expert_ids;      // [max_rows, num_experts_per_tok] int32
  Tensor expert_weights;  // [max_rows, num_experts_per_tok]
  Tensor gate;            // [max_rows, the widest dense or shared unit]
  Tensor up;              // likewise
  Tensor shared_out;      // [max_rows, hidden_size], of the shared expert
  Tensor shared_gate;     // [max_rows, 1]
  // Of linear attention; see LinearAttentionWeights for the sizes.
  Tensor qkv;        // [max_rows, C]
  Tensor conv_out;   // [max_rows, C]
  Tensor z;          // [max_rows, Nv * Dv]
  Tensor a;          // [max_rows, Nv]
  Tensor b;          // [max_rows, Nv]
  Tensor delta_out;  // [max_rows, Nv * Dv]

 private:
  // The float buffers and how many columns each has for a model.
  struct FloatBuffer {
    Tensor Buffers::*tensor;
    std::int64_t columns;
  };
  static std::vector<FloatBuffer> float_buffers(const ModelConfig& config);

  Backend& backend_;
  std::int64_t max_rows_;
  Tensor positions_;                // [max_rows] int32
  Tensor row_sequence_;             // [max_rows] int32
  Tensor first_rows_;               // [max_rows + 1] int32
  Tensor state_slots_;              // [max_rows] int32
  Tensor page_table_;               // int32, as many as any batch needed so far
  std::vector<std::int32_t> host_;  // reused by upload()
  std::vector<float> host_floats_;  // likewise
};

}  // namespace peira::model
