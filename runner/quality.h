// What quantisation costs: the distance of a model's predictions from those of the same model with
// its stored weights and a float32 cache.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "model/checkpoint_files.h"
#include "model/engine.h"

namespace peira::runner {

// One way to run a model, against the baseline, over the same positions of the same text.
struct QualityRow {
  std::string weights;        // "stored", "int8", "int4"
  std::string kv_dtype;       // "f32", "bf16", "int8"
  double mean_kl = 0;         // nats, KL(baseline || this), mean over positions
  double p99_kl = 0;          // its 99th percentile, by rank
  double top1_agreement = 0;  // share of positions with the same most likely token
  double perplexity = 0;      // of the text
};

struct Quality {
  std::int64_t num_positions = 0;
  double baseline_perplexity = 0;
  std::vector<QualityRow> rows;
};

// The text measured on unless another is given: the sample suites' questions.
std::string_view quality_text();

// Runs the baseline beside each of: int8 weights, int4 weights, a bf16 cache, an int8 cache, all
// over `text` cut into pieces of at most 512 tokens that know nothing of each other.
//
// options   how to run; weights and kv_dtype are not looked at.
// progress  called with a line for people before each row. May be empty.
// throws    Error(kData): no tokenizer, or fewer than two tokens of text.
// cost      one pass over the text for each row and one for its baseline; the logits of one piece
//           are held, 512 * vocab_size floats.
// source    Kullback and Leibler 1951: KL(p || q) = sum_v p(v) (log p(v) - log q(v)).
Quality measure_quality(const model::CheckpointFiles& files, const model::EngineOptions& options,
                        std::string_view text,
                        const std::function<void(const std::string&)>& progress);

// "stored", "int8", "int4"; "f32", "bf16", "int8".
std::string name_of_weights(model::WeightPrecision weights);
std::string name_of_kv(model::DType kv_dtype);

}  // namespace peira::runner
