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
#include "model/towers/tower_weights.h"

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
  TowerWeights towers;             // beside the decoder, taken out before it is built
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
  // What its operations are called with at most.
  static WorkSizes work_sizes(const ModelConfig& config, std::int64_t max_rows);

  // Runs `batch` (at most max_rows rows) through all layers, leaving its last hidden states for
  // logits().
  //
  // Batches of one row a sequence, as they come when tokens are generated, are padded to few sizes
  // and recorded where the backend records. The results are the same to the bit.
  void forward(const Batch& batch, const KvCache& cache);

  // What is asked of the next-token logits after a row of the last forward(). Only that leaves the
  // device.
  struct LogitRow {
    std::int32_t row = 0;
    bool whole = true;       // all of them; else of the best one and of `token`
    std::int32_t token = 0;  // in [0, vocab_size)
  };
  struct RowLogits {
    std::span<const float> all;  // [vocab_size], or empty
    float log_sum_exp = 0;       // log of the sum of all exponentials
    // Where `all` is empty:
    std::int32_t best = 0;  // the largest, the lowest id on a tie
    float best_logit = 0;
    float token_logit = 0;
  };
  static constexpr std::int64_t kMaxLogitRows = 64;
  // In the order of `rows`, at most kMaxLogitRows of them. Valid until the next call.
  std::span<const RowLogits> logits(std::span<const LogitRow> rows);

 private:
  void compute(const BatchRows& rows, std::span<const MediaRows> media, const KvCache& cache);

  Backend& backend_;
  const ModelConfig& config_;
  DecoderWeights weights_;
  RopeFrequencies rope_;
  RopeFrequencies local_rope_;
  std::vector<std::uint8_t> rope_axes_;  // of rope_, with mrope_section
  Buffers buffers_;
  Tensor logit_rows_;     // [kMaxLogitRows] int32
  Tensor logit_tokens_;   // [kMaxLogitRows] int32
  Tensor logit_best_;     // [kMaxLogitRows] int32
  Tensor logit_hidden_;   // [kMaxLogitRows, hidden_size]
  Tensor logits_;         // [kMaxLogitRows, vocab_size]
  Tensor logit_numbers_;  // [3, kMaxLogitRows]: log_sum_exp, best_logit, token_logit
  std::vector<RowLogits> row_logits_;
  std::vector<float> logits_scratch_;
  std::vector<float> numbers_scratch_;
};

}  // namespace peira::model
