// Single operations of the backends at the shapes of peira-mini and of a layer too large for the
// caches, with the share of the machine's measured multiply-add peak.
#include <benchmark/benchmark.h>

#include <array>
#include <cstring>
#include <string>

#include "model/backend/backend.h"
#include "tests/bench/peak.h"
#include "tests/model/batch_rows.h"

namespace peira::model {
namespace {

double peak() {
  static const double gflops = bench::peak_gflops(1);
  return gflops;
}

void fill(const TensorView& x, float scale) {
  std::uint32_t state = 1;
  for (std::int64_t i = 0; i < x.num_elements(); ++i) {
    state = state * 1664525 + 1013904223;
    const float value = (static_cast<float>(state >> 8) * 0x1p-23F - 1.0F) * scale;
    if (x.dtype == DType::kF32) {
      x.f32()[i] = value;
    } else {
      static_cast<std::uint16_t*>(x.data)[i] = bf16_from_float(value);
    }
  }
}

void set_rates(benchmark::State& state, double flops) {
  const double total = flops * static_cast<double>(state.iterations());
  state.counters["GFLOP/s"] = benchmark::Counter(total / 1e9, benchmark::Counter::kIsRate);
  state.counters["of_peak_%"] =
      benchmark::Counter(100 * total / 1e9 / peak(), benchmark::Counter::kIsRate);
}

void BM_Linear(benchmark::State& state, const std::string& device) {
  const std::int64_t rows = state.range(0);
  const std::int64_t inputs = state.range(1);
  const std::int64_t outputs = state.range(2);
  const std::unique_ptr<Backend> backend = make_backend({.device = device, .num_threads = 1});
  const Tensor x = host_tensor(DType::kF32, {rows, inputs});
  const Tensor weight = host_tensor(DType::kBF16, {outputs, inputs});
  const Tensor out = host_tensor(DType::kF32, {rows, outputs});
  fill(x, 1);
  fill(weight, 0.1F);
  // As a checkpoint's matrix lies after loading.
  const Weight placed = backend->place_matrix(weight);
  for (auto _ : state) backend->linear(x, std::array{LinearPart{placed, {}, out}});
  set_rates(state, 2.0 * static_cast<double>(rows * inputs * outputs));
}

void BM_Experts(benchmark::State& state, const std::string& device) {
  const std::int64_t rows = state.range(0);
  const std::int64_t hidden = state.range(1);
  const std::int64_t inner = state.range(2);
  constexpr std::int64_t kExperts = 8;
  constexpr std::int64_t kTopK = 2;
  const std::unique_ptr<Backend> backend = make_backend({.device = device, .num_threads = 1});
  const Tensor gate = host_tensor(DType::kBF16, {kExperts, inner, hidden});
  const Tensor up = host_tensor(DType::kBF16, {kExperts, inner, hidden});
  const Tensor down = host_tensor(DType::kBF16, {kExperts, hidden, inner});
  ExpertWeights weights;
  for (const Tensor* tensor : {&gate, &up, &down}) fill(*tensor, 0.1F);
  for (std::int64_t e = 0; e < kExperts; ++e) {
    weights.gate_proj.push_back(ConstTensorView(gate).at(e));
    weights.up_proj.push_back(ConstTensorView(up).at(e));
    weights.down_proj.push_back(ConstTensorView(down).at(e));
  }
  const Tensor x = host_tensor(DType::kF32, {rows, hidden});
  const Tensor out = host_tensor(DType::kF32, {rows, hidden});
  const Tensor ids = host_tensor(DType::kI32, {rows, kTopK});
  const Tensor expert_weights = host_tensor(DType::kF32, {rows, kTopK});
  fill(x, 1);
  for (std::int64_t i = 0; i < rows * kTopK; ++i) {
    ids.view().i32()[i] = static_cast<std::int32_t>((i * 5) % kExperts);
    expert_weights.view().f32()[i] = 0.5F;
  }
  for (auto _ : state) backend->experts(x, ids, expert_weights, weights, out);
  set_rates(state, 6.0 * static_cast<double>(rows * kTopK * hidden * inner));
}

// One sequence of `context` cached tokens and as many rows as range(0) at its end.
void BM_Attention(benchmark::State& state, const std::string& device) {
  const std::int64_t rows = state.range(0);
  const std::int64_t context = state.range(1);
  constexpr std::int64_t kHeads = 4;
  constexpr std::int64_t kKvHeads = 2;
  constexpr std::int64_t kHeadDim = 64;
  const std::unique_ptr<Backend> backend = make_backend({.device = device, .num_threads = 1});
  const std::int64_t num_pages = (context + kKvPageTokens - 1) / kKvPageTokens;
  std::vector<std::int32_t> pages;
  for (std::int64_t page = 0; page < num_pages; ++page) {
    pages.push_back(static_cast<std::int32_t>(page));
  }
  const Tensor keys = host_tensor(DType::kF32, {num_pages, kKvHeads, kHeadDim, kKvPageTokens});
  const Tensor values = host_tensor(DType::kF32, {num_pages, kKvHeads, kKvPageTokens, kHeadDim});
  const Tensor q = host_tensor(DType::kF32, {rows, kHeads, kHeadDim});
  const Tensor out = host_tensor(DType::kF32, {rows, kHeads * kHeadDim});
  for (const Tensor* tensor : {&keys, &values, &q}) fill(*tensor, 1);
  const DeviceRows sequence(*backend, {{.first_row = 0,
                                        .num_rows = static_cast<int>(rows),
                                        .first_position = static_cast<int>(context - rows),
                                        .pages = pages}});
  for (auto _ : state) {
    backend->attention(q, sequence.rows, {keys, values}, {.scale = 0.125F}, out);
  }
  const double positions = static_cast<double>(rows) *
                           (static_cast<double>(context) - static_cast<double>(rows - 1) / 2);
  set_rates(state, 4.0 * kHeads * kHeadDim * positions);
}

// The next token of one long sequence, eight heads on one key-value head: bytes of the cache a
// second, over threads.
void BM_LongAttention(benchmark::State& state) {
  const int threads = static_cast<int>(state.range(0));
  const std::int64_t context = state.range(1);
  constexpr std::int64_t kHeads = 8;
  constexpr std::int64_t kHeadDim = 128;
  const std::unique_ptr<Backend> backend = make_backend({.device = "cpu", .num_threads = threads});
  const std::int64_t num_pages = (context + kKvPageTokens - 1) / kKvPageTokens;
  std::vector<std::int32_t> pages;
  for (std::int64_t page = 0; page < num_pages; ++page) {
    pages.push_back(static_cast<std::int32_t>(page));
  }
  const Tensor keys = backend->allocate(DType::kF32, {num_pages, 1, kHeadDim, kKvPageTokens});
  const Tensor values = backend->allocate(DType::kF32, {num_pages, 1, kKvPageTokens, kHeadDim});
  const Tensor q = host_tensor(DType::kF32, {1, kHeads, kHeadDim});
  const Tensor out = host_tensor(DType::kF32, {1, kHeads * kHeadDim});
  for (const Tensor* tensor : {&keys, &values, &q}) fill(*tensor, 1);
  const DeviceRows sequence(*backend, {{.first_row = 0,
                                        .num_rows = 1,
                                        .first_position = static_cast<int>(context - 1),
                                        .pages = pages}});
  for (auto _ : state) {
    backend->attention(q, sequence.rows, {keys, values}, {.scale = 0.1F}, out);
  }
  state.SetBytesProcessed(state.iterations() * 2 * 4 * context * kHeadDim);
}

// One sequence at the sizes of Qwen3-Next-80B-A3B: 16 key heads, 32 value heads, 128 by 128.
void BM_GatedDeltaRule(benchmark::State& state, const std::string& device) {
  const std::int64_t rows = state.range(0);
  constexpr std::int64_t kKeyHeads = 16;
  constexpr std::int64_t kValueHeads = 32;
  constexpr std::int64_t kDim = 128;
  const std::unique_ptr<Backend> backend = make_backend({.device = device, .num_threads = 1});
  const Tensor qkv = host_tensor(DType::kF32, {rows, (2 * kKeyHeads + kValueHeads) * kDim});
  const Tensor gate = host_tensor(DType::kF32, {rows, kValueHeads});
  const Tensor per_head = host_tensor(DType::kF32, {kValueHeads});
  const Tensor states = host_tensor(DType::kF32, {1, kValueHeads, kDim, kDim});
  const Tensor out = host_tensor(DType::kF32, {rows, kValueHeads * kDim});
  fill(qkv, 1);
  const DeviceRows sequence(*backend, {{.first_row = 0,
                                        .num_rows = static_cast<int>(rows),
                                        .first_position = 1,
                                        .pages = {},
                                        .state_slot = 0}});
  for (auto _ : state) {
    backend->gated_delta_rule(qkv, gate, gate, per_head, per_head, kKeyHeads, sequence.rows, states,
                              out);
  }
  // Reading, updating and reading again: a multiply-add each for every element of the state.
  set_rates(state, 6.0 * static_cast<double>(rows) * kValueHeads * kDim * kDim);
}

void BM_CausalConv(benchmark::State& state, const std::string& device) {
  const std::int64_t rows = state.range(0);
  constexpr std::int64_t kChannels = 8192;
  constexpr std::int64_t kWidth = 4;
  const std::unique_ptr<Backend> backend = make_backend({.device = device, .num_threads = 1});
  const Tensor x = host_tensor(DType::kF32, {rows, kChannels});
  const Tensor weight = host_tensor(DType::kBF16, {kChannels, kWidth});
  const Tensor states = host_tensor(DType::kF32, {1, kChannels, kWidth - 1});
  const Tensor out = host_tensor(DType::kF32, {rows, kChannels});
  fill(x, 1);
  fill(weight, 1);
  const DeviceRows sequence(*backend, {{.first_row = 0,
                                        .num_rows = static_cast<int>(rows),
                                        .first_position = 1,
                                        .pages = {},
                                        .state_slot = 0}});
  for (auto _ : state) backend->causal_conv(x, weight, sequence.rows, states, out);
  set_rates(state, 2.0 * static_cast<double>(rows * kChannels * kWidth));
}

void register_all() {
  using benchmark::RegisterBenchmark;
  for (const std::string device : {"reference", "cpu"}) {
    auto* linear = RegisterBenchmark(("BM_Linear/" + device).c_str(),
                                     [=](benchmark::State& state) { BM_Linear(state, device); });
    linear->ArgNames({"tokens", "in", "out"});
    auto* experts = RegisterBenchmark(("BM_Experts/" + device).c_str(),
                                      [=](benchmark::State& state) { BM_Experts(state, device); });
    experts->ArgNames({"tokens", "hidden", "inner"});
    auto* attention =
        RegisterBenchmark(("BM_Attention/" + device).c_str(),
                          [=](benchmark::State& state) { BM_Attention(state, device); });
    attention->ArgNames({"tokens", "context"});
    auto* delta =
        RegisterBenchmark(("BM_GatedDeltaRule/" + device).c_str(),
                          [=](benchmark::State& state) { BM_GatedDeltaRule(state, device); });
    auto* conv = RegisterBenchmark(("BM_CausalConv/" + device).c_str(),
                                   [=](benchmark::State& state) { BM_CausalConv(state, device); });
    for (auto* linear_attention : {delta, conv}) {
      linear_attention->ArgNames({"tokens"})->Args({1})->Args({64});
    }
    for (const std::int64_t tokens : {1, 8, 32, 256}) {
      linear->Args({tokens, 256, 256});
      experts->Args({tokens, 256, 256});
      if (device == "cpu") {
        linear->Args({tokens, 2048, 2048});
        experts->Args({tokens, 1024, 512});
      }
    }
    attention->Args({1, 160})->Args({128, 128})->Args({1, 4096});
  }
}

BENCHMARK(BM_LongAttention)
    ->ArgNames({"threads", "context"})
    ->Args({1, 131'072})
    ->Args({2, 131'072})
    ->UseRealTime();

const bool registered = (register_all(), true);

}  // namespace
}  // namespace peira::model
