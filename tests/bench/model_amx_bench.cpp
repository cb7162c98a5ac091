// Products of bfloat16 matrices by AMX tiles beside the float32 kernel, in turns, best of a few
// rounds: matrices of 4096 x 2048, more than the caches hold, as a backend's linear() multiplies
// them.
//
//     model_amx_bench [THREADS]
//
// A line of JSON for each number of rows: how many times the float32 kernel's rate tiles reach, and
// which share of the read bandwidth of the same run. Then one for whole engines, in turns too:
// prompts, one sequence and 16 on the first shape of model_speed_bench.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/backend/backend.h"
#include "model/engine.h"
#include "tests/bench/generation_time.h"
#include "tests/bench/peak.h"
#include "tests/bench/synthetic_checkpoint.h"

namespace peira::bench {
namespace {

constexpr std::int64_t kInputs = 2048;
constexpr std::int64_t kOutputs = 4096;
constexpr int kMatrices = 24;  // 400 MB
constexpr int kRounds = 5;

// One backend with its own copies of the matrices.
struct Side {
  Side(const char* amx, int num_threads, const std::vector<model::Tensor>& matrices) {
    setenv("PEIRA_AMX", amx, 1);
    backend = model::make_backend({.device = "cpu", .num_threads = num_threads});
    for (const model::Tensor& matrix : matrices) placed.push_back(backend->place_matrix(matrix));
  }
  double seconds(const model::Tensor& x, const model::Tensor& out, std::size_t count) const {
    const auto start = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < count; ++i) {
      backend->linear(x, std::array{model::LinearPart{placed[i], {}, out}});
    }
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() /
           static_cast<double>(count);
  }
  std::unique_ptr<model::Backend> backend;
  std::vector<model::Weight> placed;
};

void fill(const model::Tensor& to, std::uint32_t seed) {
  const std::int64_t size = to.shape().num_elements();
  for (std::int64_t i = 0; i < size; ++i) {
    seed = seed * 1664525 + 1013904223;
    const float value = static_cast<float>(seed >> 8) * 0x1p-23F - 1.0F;
    if (to.view().dtype == model::DType::kF32) {
      to.view().f32()[i] = value;
    } else {
      static_cast<std::uint16_t*>(to.view().data)[i] = model::bf16_from_float(value);
    }
  }
}

struct Rates {
  double prompt = 0;  // tokens/s
  double single = 0;
  double batch = 0;
};

// Keeps the best of the engine's rates.
void measure(model::Engine& engine, Rates& best) {
  const auto seconds = [&engine](int count, int prompt, int generate) {
    return generation_seconds(engine, count, prompt, generate);
  };
  constexpr int kPrompt = 512;
  constexpr int kBatch = 16;
  constexpr int kSteps = 24;
  best.prompt = std::max(best.prompt, kPrompt / seconds(1, kPrompt, 1));
  const double first = seconds(1, 8, 1);
  best.single = std::max(best.single, kSteps / (seconds(1, 8, kSteps + 1) - first));
  const double firsts = seconds(kBatch, 8, 1);
  best.batch = std::max(best.batch, kBatch * kSteps / (seconds(kBatch, 8, kSteps + 1) - firsts));
}

void compare_engines(int num_threads) {
  const SyntheticCheckpoint checkpoint({2048, 10, 16, 4, 128, 8, 2, 1408, 32'000});
  model::EngineOptions options;
  options.num_threads = num_threads;
  options.prefix_cache = false;
  options.prefill_chunk = 512;
  options.max_kv_tokens = 16'384;
  options.max_batch = 16;
  setenv("PEIRA_AMX", "on", 1);
  model::Engine tiles(checkpoint.files(), options);
  setenv("PEIRA_AMX", "off", 1);
  model::Engine plain(checkpoint.files(), options);
  Rates by_tiles;
  Rates by_float32;
  for (int round = 0; round < kRounds; ++round) {
    measure(tiles, by_tiles);
    measure(plain, by_float32);
  }
  std::printf(
      "{\"engine\": \"8 experts, top 2\", \"threads\": %d, \"float32_prompt\": %.1f, "
      "\"amx_prompt\": %.1f, \"float32_decode\": %.1f, \"amx_decode\": %.1f, "
      "\"float32_batch16\": %.1f, \"amx_batch16\": %.1f}\n",
      num_threads, by_float32.prompt, by_tiles.prompt, by_float32.single, by_tiles.single,
      by_float32.batch, by_tiles.batch);
}

void compare_products(int num_threads) {
  std::vector<model::Tensor> matrices;
  for (int i = 0; i < kMatrices; ++i) {
    matrices.push_back(model::host_tensor(model::DType::kBF16, {kOutputs, kInputs}));
    fill(matrices.back(), static_cast<std::uint32_t>(i));
  }
  const Side tiles("on", num_threads, matrices);
  const Side plain("off", num_threads, matrices);
  for (const std::int64_t rows : {1, 2, 4, 8, 16, 48, 128, 512}) {
    const model::Tensor x = model::host_tensor(model::DType::kF32, {rows, kInputs});
    const model::Tensor out = model::host_tensor(model::DType::kF32, {rows, kOutputs});
    fill(x, 7);
    const std::size_t count = rows > 16 ? kMatrices / 4 : kMatrices;
    double by_tiles = 1e9;
    double by_float32 = 1e9;
    for (int round = 0; round < kRounds; ++round) {
      by_tiles = std::min(by_tiles, tiles.seconds(x, out, count));
      by_float32 = std::min(by_float32, plain.seconds(x, out, count));
    }
    const double gbytes = 2e-9 * kInputs * kOutputs;
    const double read = read_gbytes_per_s(num_threads);
    std::printf(
        "{\"rows\": %lld, \"threads\": %d, \"float32_us\": %.1f, \"amx_us\": %.1f, "
        "\"amx_over_float32\": %.2f, \"amx_gmac_per_s\": %.0f, \"float32_of_read\": %.3f, "
        "\"amx_of_read\": %.3f, \"read_gbytes_per_s\": %.1f}\n",
        static_cast<long long>(rows), num_threads, by_float32 * 1e6, by_tiles * 1e6,
        by_float32 / by_tiles, 1e-9 * kInputs * kOutputs * static_cast<double>(rows) / by_tiles,
        gbytes / by_float32 / read, gbytes / by_tiles / read, read);
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace peira::bench

int main(int argc, char** argv) {
  try {
    const int num_threads = argc > 1 ? std::max(1, std::atoi(argv[1])) : 1;
    peira::bench::compare_products(num_threads);
    peira::bench::compare_engines(num_threads);
    return 0;
  } catch (const peira::Error& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 4;
  }
}
