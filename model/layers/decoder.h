// A decoder-only transformer: embedding, layers of attention and feed-forward, final norm, logits.
#pragma once

#include <span>
#include <string>
#include <variant>
#include <vector>

#include "model/kv_cache.h"
#include "model/layers/attention.h"
#include "model/layers/linear_attention.h"
#include "model/layers/mlp.h"

namespace peira::model {

struct DecoderLayerWeights {
  ConstTensorView input_layernorm;  // [hidden_size]
  std::variant<AttentionWeights, LinearAttentionWeights> mixer;
  ConstTensorView post_mixer_norm;           // [hidden_size], on what the mixer adds; or absent
  ConstTensorView post_attention_layernorm;  // [hidden_size], in front of the feed-forward block
  std::variant<DenseMlpWeights, MoeWeights> mlp;
  ConstTensorView post_mlp_norm;  // [hidden_size], on what the block adds; or absent
};

struct DecoderWeights {
  Weight embed_tokens;  // [vocab_size, hidden_size]
  std::vector<DecoderLayerWeights> layers;
  ConstTensorView norm;            // [hidden_size]
  Weight lm_head;                  // [vocab_size, hidden_size]; embed_tokens where they are tied
  std::vector<Tensor> owned;       // host memory that some of the above point into
  std::vector<std::string> notes;  // what of the checkpoint does not run, for people
};

// The forward pass. Weights and cache are the caller's; the decoder owns its buffers.
// threads: one at a time.
class Decoder {
 public:
  Decoder(Backend& backend, const ModelConfig& config, DecoderWeights weights,
          std::int64_t max_rows);

  std::int64_t max_rows() const { return buffers_.max_rows(); }
  const std::vector<std::string>& notes() const { return weights_.notes; }
  // Bytes of device memory for its own tensors, weights and cache apart.
  static std::int64_t buffers_bytes(const ModelConfig& config, std::int64_t max_rows);

  // Runs `batch` (at most max_rows rows) through all layers, leaving its last hidden states for
  // logits().
  //
  // Batches of one row a sequence, as they come when tokens are generated, are padded to few sizes
  // and recorded where the backend records. The results are the same to the bit.
  void forward(const Batch& batch, const KvCache& cache);

  // Next-token logits after some rows of the last forward(), and the log of the sum of their
  // exponentials. Valid until the next call.
  struct Logits {
    std::span<const float> values;       // [rows, vocab_size]
    std::span<const float> log_sum_exp;  // [rows]
  };
  static constexpr std::int64_t kMaxLogitRows = 64;
  // rows  at most kMaxLogitRows row numbers of the batch.
  Logits logits(std::span<const std::int32_t> rows);

 private:
  void compute(const BatchRows& rows, const KvCache& cache);

  Backend& backend_;
  const ModelConfig& config_;
  DecoderWeights weights_;
  RopeFrequencies rope_;
  RopeFrequencies local_rope_;
  Buffers buffers_;
  Tensor logit_rows_;    // [kMaxLogitRows] int32
  Tensor logit_hidden_;  // [kMaxLogitRows, hidden_size]
  Tensor logits_;        // [kMaxLogitRows, vocab_size]
  Tensor log_sum_exp_;   // [kMaxLogitRows]
  std::vector<float> logits_scratch_;
  std::vector<float> log_sum_exp_scratch_;
};

}  // namespace peira::model
