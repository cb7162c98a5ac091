// One engine on one checkpoint: prompt, single and batch-16 decoding rates, best of a few rounds.
//
//     model_speed_bench THREADS [int8|int4] [CHECKPOINT.gguf]
//
// Without a checkpoint: random bf16 weights of three shapes of 1.2 to 1.9 GB, from few experts to
// many, beside what the bytes that a step reads allow batch 16 over batch 1, the read bandwidth and
// the float32 peak of the machine. With one:
// tests/bench/beside_llama_cpp.py runs it in turn with llama.cpp. A line of JSON each.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "model/checkpoint_files.h"
#include "model/engine.h"
#include "tests/bench/generation_time.h"
#include "tests/bench/peak.h"
#include "tests/bench/synthetic_checkpoint.h"

namespace peira::bench {
namespace {

constexpr int kBatch = 16;
constexpr int kPrompt = 512;
constexpr int kSteps = 48;
constexpr int kRounds = 3;

struct Rates {
  double prompt = 0;  // tokens/s
  double single = 0;
  double batch = 0;
};

Rates measure(const model::CheckpointFiles& files, int num_threads,
              model::WeightPrecision weights) {
  model::EngineOptions options;
  options.weights = weights;
  options.num_threads = num_threads;
  options.prefix_cache = false;
  options.prefill_chunk = kPrompt;
  options.max_kv_tokens = 16'384;
  options.max_batch = kBatch;
  model::Engine engine(files, options);
  const auto seconds = [&engine](int count, int prompt, int generate) {
    return generation_seconds(engine, count, prompt, generate);
  };
  seconds(1, 32, 4);  // pages in
  Rates best;
  for (int round = 0; round < kRounds; ++round) {
    best.prompt = std::max(best.prompt, kPrompt / seconds(1, kPrompt, 1));
    const double first = seconds(1, 8, 1);
    best.single = std::max(best.single, kSteps / (seconds(1, 8, kSteps + 1) - first));
    const double firsts = seconds(kBatch, 8, 1);
    best.batch =
        std::max(best.batch, kBatch * (kSteps / 2) / (seconds(kBatch, 8, kSteps / 2 + 1) - firsts));
  }
  return best;
}

// Weights that a step reads: all but the embedding, and of the experts those that `batch` tokens
// are expected to meet, each meeting k of them at random.
double bytes_of_a_step(const SyntheticCheckpoint::Sizes& s, int batch,
                       model::WeightPrecision weights) {
  const double bytes = weights == model::WeightPrecision::kInt8   ? 68.0 / 64
                       : weights == model::WeightPrecision::kInt4 ? 20.0 / 32
                                                                  : 2;

  const double experts = s.num_experts;
  const double met = experts * (1 - std::pow(1 - s.num_experts_per_tok / experts, batch));
  const double attention =
      2.0 * s.hidden_size * s.head_dim * (s.num_attention_heads + s.num_key_value_heads);
  const double layer = attention + 3.0 * met * s.hidden_size * s.moe_intermediate_size;
  const double routers = 2.0 * s.num_hidden_layers * s.hidden_size * experts;  // stay bfloat16
  return routers + bytes * (s.num_hidden_layers * layer + double{1} * s.hidden_size * s.vocab_size);
}

// Multiply-adds of a token's matrices, without the one that gives logits, each two operations.
double flops_of_a_token(const SyntheticCheckpoint::Sizes& s) {
  const double h = s.hidden_size;
  const double attention = 2 * h * s.head_dim * (s.num_attention_heads + s.num_key_value_heads);
  const double experts = 3 * h * s.num_experts_per_tok * s.moe_intermediate_size;
  return 2 * s.num_hidden_layers * (attention + experts + h * s.num_experts);
}

void measure_shape(const char* name, const SyntheticCheckpoint::Sizes& sizes, int num_threads,
                   model::WeightPrecision weights) {
  const SyntheticCheckpoint checkpoint(sizes);
  const Rates rates = measure(checkpoint.files(), num_threads, weights);
  const double bytes = bytes_of_a_step(sizes, 1, weights);
  const double bound = kBatch * bytes / bytes_of_a_step(sizes, kBatch, weights);
  std::printf(
      "{\"shape\": \"%s\", \"threads\": %d, \"prompt\": %.1f, \"decode\": %.1f, "
      "\"batch16\": %.1f, \"batch16_over_1\": %.2f, \"bytes_allow\": %.2f, "
      "\"decode_of_read\": %.3f, \"prompt_of_float32_peak\": %.3f}\n",
      name, num_threads, rates.prompt, rates.single, rates.batch, rates.batch / rates.single, bound,
      rates.single * bytes / 1e9 / read_gbytes_per_s(num_threads),
      rates.prompt * flops_of_a_token(sizes) / 1e9 / peak_gflops(num_threads));
  std::fflush(stdout);
}

}  // namespace
}  // namespace peira::bench

int main(int argc, char** argv) {
  using namespace peira::bench;
  using peira::model::WeightPrecision;
  const int num_threads = argc > 1 ? std::max(1, std::atoi(argv[1])) : 1;
  WeightPrecision weights = WeightPrecision::kStored;
  int used = 2;
  for (const auto& [name, precision] :
       {std::pair("int8", WeightPrecision::kInt8), std::pair("int4", WeightPrecision::kInt4)}) {
    if (argc > 2 && std::string_view(argv[2]) == name) {
      weights = precision;
      used = 3;
    }
  }
  if (argc > used) {
    const Rates rates =
        measure(peira::model::CheckpointFiles::at(argv[used]), num_threads, weights);
    std::printf("{\"threads\": %d, \"prompt\": %.1f, \"decode\": %.1f, \"batch16\": %.1f}\n",
                num_threads, rates.prompt, rates.single, rates.batch);
    return 0;
  }
  const auto measure_shape_of = [&](const char* shape, const SyntheticCheckpoint::Sizes& sizes) {
    measure_shape(shape, sizes, num_threads, weights);
  };
  measure_shape_of("8 experts, top 2", {2048, 10, 16, 4, 128, 8, 2, 1408, 32'000});
  measure_shape_of("8 experts, top 4", {2048, 8, 16, 4, 128, 8, 4, 1408, 32'000});
  measure_shape_of("32 experts, top 4", {1024, 12, 16, 4, 64, 32, 4, 512, 32'000});
  return 0;
}
