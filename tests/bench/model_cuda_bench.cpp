// Tokens a second on a CUDA device: random bf16 weights of Qwen3-30B-A3B's shape, with no
// checkpoint to read. Layers share four sets of weights, 5 GB, far more than the device's caches
// hold.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/json.h"
#include "model/backend/backend.h"
#include "model/config.h"
#include "model/kv_cache.h"
#include "model/layers/decoder.h"
#include "model/layers/placement.h"

namespace peira::model {
namespace {

constexpr std::int64_t kMaxRows = 4096;
constexpr std::int64_t kMostPages = 4096;

ModelConfig qwen3_30b_a3b() {
  return config_from_json(Json{{"model_type", "qwen3_moe"},
                               {"vocab_size", 151936},
                               {"hidden_size", 2048},
                               {"moe_intermediate_size", 768},
                               {"num_hidden_layers", 48},
                               {"num_attention_heads", 32},
                               {"num_key_value_heads", 4},
                               {"head_dim", 128},
                               {"max_position_embeddings", 40960},
                               {"num_experts", 128},
                               {"num_experts_per_tok", 8},
                               {"norm_topk_prob", true},
                               {"rope_theta", 1e6},
                               {"tie_word_embeddings", false}},
                          "Qwen3-30B-A3B's shape");
}

// Matrices that start at different places of one array of random bf16 values.
class RandomWeights {
 public:
  explicit RandomWeights(std::int64_t hidden_size) : pool_(host_tensor(DType::kBF16, {kSize})) {
    const float scale = std::sqrt(3.0F / static_cast<float>(hidden_size));
    std::uint64_t state = 1;
    auto* const bits = static_cast<std::uint16_t*>(pool_.view().data);
    for (std::int64_t i = 0; i < kSize; ++i) {
      state = state * 6364136223846793005U + 1442695040888963407U;
      bits[i] = bf16_from_float((static_cast<float>(state >> 40) * 0x1p-23F - 1.0F) * scale);
    }
  }

  Weight matrix(std::int64_t outputs, std::int64_t inputs) {
    // Odd multiples of 64 elements walk over the whole array.
    next_ = (next_ + 64 * 4099) % (kSize - outputs * inputs);
    const auto* const from = static_cast<const std::uint16_t*>(pool_.view().data) + next_;
    return ConstTensorView{from, DType::kBF16, {outputs, inputs}};
  }

 private:
  static constexpr std::int64_t kSize = std::int64_t{320} << 20;
  Tensor pool_;
  std::int64_t next_ = 0;
};

class Model {
 public:
  Model()
      : backend_(make_backend({.device = "cuda"})),
        config_(qwen3_30b_a3b()),
        decoder_(*backend_, config_, weights(), kMaxRows),
        cache_(*backend_, config_, kMostPages, 1, DType::kBF16) {}

  static Model& instance() {
    static Model model;
    return model;
  }

  // Adds `num_rows` rows after `first_position` of sequence `index`, whose pages are its own.
  void add(Batch& batch, int index, int first_position, int num_rows) {
    if (pages_.size() <= static_cast<std::size_t>(index)) pages_.resize(128);
    auto& pages = pages_[static_cast<std::size_t>(index)];
    while (static_cast<int>(pages.size()) * kKvPageTokens < first_position + num_rows) {
      pages.push_back(cache_.take_page());
    }
    batch.sequences.push_back({.first_row = static_cast<int>(batch.num_rows()),
                               .num_rows = num_rows,
                               .first_position = first_position,
                               .pages = pages});
    for (int i = 0; i < num_rows; ++i) {
      batch.tokens.push_back((index * 7919 + (first_position + i) * 104729) % config_.vocab_size);
      batch.positions.push_back(first_position + i);
    }
  }

  // A forward pass and each sequence's greedy choice on the host.
  void run(const Batch& batch) {
    decoder_.forward(batch, cache_);
    std::vector<Decoder::LogitRow> last;
    for (const SequenceRows& rows : batch.sequences) {
      last.push_back({.row = rows.first_row + rows.num_rows - 1, .whole = false});
    }
    if (!std::isfinite(decoder_.logits(last).front().log_sum_exp)) {
      throw Error(ErrorCode::kInternal, "logits are not finite");
    }
  }

  const std::string& device() const { return backend_->name(); }
  std::int64_t free_bytes() const { return backend_->memory_bytes(); }
  std::int64_t bytes_copied_to_host() const { return backend_->bytes_copied_to_host(); }

 private:
  DecoderWeights weights() {
    RandomWeights random(config_.hidden_size);
    const std::int64_t hidden = config_.hidden_size;
    const std::int64_t inner = config_.moe_intermediate_size;
    const std::int64_t q_size = std::int64_t{config_.num_attention_heads} * config_.head_dim;
    const std::int64_t kv_size = std::int64_t{config_.num_key_value_heads} * config_.head_dim;
    const Tensor ones = host_tensor(DType::kF32, {hidden});
    std::fill_n(ones.view().f32(), hidden, 1.0F);
    const ConstTensorView norm = ones.view();
    DecoderWeights host;
    host.embed_tokens = random.matrix(config_.vocab_size, hidden);
    host.lm_head = random.matrix(config_.vocab_size, hidden);
    host.norm = norm;
    constexpr int kSets = 4;
    for (int layer = 0; layer < kSets; ++layer) {
      DecoderLayerWeights& own = host.layers.emplace_back();
      own.input_layernorm = norm;
      own.post_attention_layernorm = norm;
      AttentionWeights attention;
      attention.q_proj = random.matrix(q_size, hidden);
      attention.k_proj = random.matrix(kv_size, hidden);
      attention.v_proj = random.matrix(kv_size, hidden);
      attention.o_proj = random.matrix(hidden, q_size);
      attention.q_norm = norm.slice(0, config_.head_dim);
      attention.k_norm = norm.slice(0, config_.head_dim);
      own.mixer = attention;
      MoeWeights moe;
      moe.router = random.matrix(config_.num_experts, hidden);
      for (int expert = 0; expert < config_.num_experts; ++expert) {
        moe.experts.gate_proj.push_back(random.matrix(inner, hidden));
        moe.experts.up_proj.push_back(random.matrix(inner, hidden));
        moe.experts.down_proj.push_back(random.matrix(hidden, inner));
      }
      own.mlp = std::move(moe);
    }
    DecoderWeights out = placed(*backend_, std::move(host));
    for (int layer = kSets; layer < config_.num_hidden_layers; ++layer) {
      out.layers.push_back(out.layers[static_cast<std::size_t>(layer % kSets)]);
    }
    return out;
  }

  std::unique_ptr<Backend> backend_;
  ModelConfig config_;
  Decoder decoder_;
  KvCache cache_;
  std::vector<std::vector<std::int32_t>> pages_;
};

// One token for each of range(0) sequences with range(1) tokens before it.
void BM_CudaDecode(benchmark::State& state) {
  const auto num_sequences = static_cast<int>(state.range(0));
  const auto context = static_cast<int>(state.range(1));
  Model& model = Model::instance();
  for (int s = 0; s < num_sequences; ++s) {
    Batch prompt;
    model.add(prompt, s, 0, context);
    model.run(prompt);
  }
  Batch step;
  for (int s = 0; s < num_sequences; ++s) model.add(step, s, context, 1);
  model.run(step);
  const std::int64_t free_before = model.free_bytes();
  model.run(step);  // recorded, which takes memory of the device
  // This function runs several times, and records in the first.
  static std::map<int, std::int64_t> recording_bytes;
  std::int64_t& taken = recording_bytes[num_sequences];
  taken = std::max(taken, free_before - model.free_bytes());
  state.counters["recording_bytes"] = static_cast<double>(taken);
  model.run(step);
  const std::int64_t copied_before = model.bytes_copied_to_host();
  for (auto _ : state) model.run(step);
  state.counters["bytes_to_host"] =
      static_cast<double>(model.bytes_copied_to_host() - copied_before) /
      static_cast<double>(state.iterations());
  state.SetLabel(model.device());
  state.counters["tokens/s"] = benchmark::Counter(
      static_cast<double>(num_sequences * state.iterations()), benchmark::Counter::kIsRate);
}

// range(0) prompts of range(1) tokens, one after the other.
void BM_CudaPrefill(benchmark::State& state) {
  const auto num_sequences = static_cast<int>(state.range(0));
  const auto length = static_cast<int>(state.range(1));
  Model& model = Model::instance();
  for (auto _ : state) {
    for (int s = 0; s < num_sequences; ++s) {
      Batch prompt;
      model.add(prompt, s, 0, length);
      model.run(prompt);
    }
  }
  state.SetLabel(model.device());
  state.counters["tokens/s"] = benchmark::Counter(
      static_cast<double>(num_sequences) * length * static_cast<double>(state.iterations()),
      benchmark::Counter::kIsRate);
}

BENCHMARK(BM_CudaDecode)
    ->ArgNames({"batch", "context"})
    ->Args({1, 512})
    ->Args({64, 512})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK(BM_CudaPrefill)
    ->ArgNames({"prompts", "length"})
    ->Args({4, 4096})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->Iterations(1);

}  // namespace
}  // namespace peira::model
