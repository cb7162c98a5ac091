// Patches a second through a vision tower of the published Qwen3-VL shape, random bf16 weights,
// beside the ceilings of the same device in the same run, so that the shares can be read off:
//
//   FLOP/s   the tower's multiply-adds, two operations each
//   own      the backend's product in the tower's widest shape (1024 rows to 4304 from 1152)
//   library  of CUDA: cuBLAS's bf16 product in that shape; "peak": the same at 8192 each way
//   peak     of a CPU: float32 multiply-adds in registers, on all threads
//   of_own, of_library, of_peak   the tower's FLOP/s over each
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "model/backend/backend.h"
#include "model/config.h"
#include "model/towers/vision_tower.h"
#include "tests/bench/library_product.h"
#include "tests/bench/peak.h"

namespace peira::model {
namespace {

constexpr int kHidden = 1152;
constexpr int kInner = 4304;
constexpr int kOut = 2048;
constexpr int kDepth = 27;
constexpr std::int64_t kJoined = 4 * kHidden;

ModelConfig published_config() {
  ModelConfig config;
  config.hidden_size = kOut;
  VisionConfig vision;
  vision.depth = kDepth;
  vision.hidden_size = kHidden;
  vision.intermediate_size = kInner;
  vision.num_heads = 16;
  vision.patch_size = 16;
  vision.temporal_patch_size = 2;
  vision.spatial_merge_size = 2;
  vision.out_hidden_size = kOut;
  vision.num_position_embeddings = 2304;
  vision.deepstack_visual_indexes = {8, 16, 24};
  config.vision_config = vision;
  config.media_tokens.image_token_id = 1;
  return config;
}

// Matrices that start at different places of one array of small random bf16 values.
class RandomWeights {
 public:
  RandomWeights() : pool_(host_tensor(DType::kBF16, {kSize})) {
    std::uint64_t state = 1;
    auto* const bits = static_cast<std::uint16_t*>(pool_.view().data);
    for (std::int64_t i = 0; i < kSize; ++i) {
      state = state * 6364136223846793005U + 1442695040888963407U;
      bits[i] = bf16_from_float((static_cast<float>(state >> 40) * 0x1p-23F - 1.0F) * 0.03F);
    }
  }

  ConstTensorView take(const Shape& shape) {
    next_ = (next_ + 64 * 4099) % (kSize - shape.num_elements());
    return {static_cast<const std::uint16_t*>(pool_.view().data) + next_, DType::kBF16, shape};
  }
  VisionMergerWeights merger(std::int64_t norm_size) {
    return {take({norm_size}), take({norm_size}),     take({kJoined, kJoined}),
            take({kJoined}),   take({kOut, kJoined}), take({kOut})};
  }
  EncoderLayerWeights block() {
    EncoderLayerWeights out;
    for (ConstTensorView* vector : {&out.attention_norm_weight, &out.attention_norm_bias,
                                    &out.mlp_norm_weight, &out.mlp_norm_bias, &out.q_bias,
                                    &out.k_bias, &out.v_bias, &out.out_bias, &out.fc2_bias}) {
      *vector = take({kHidden});
    }
    out.fc1_bias = take({kInner});
    for (Weight* weight : {&out.q, &out.k, &out.v, &out.out}) *weight = take({kHidden, kHidden});
    out.fc1 = take({kInner, kHidden});
    out.fc2 = take({kHidden, kInner});
    return out;
  }

 private:
  static constexpr std::int64_t kSize = std::int64_t{64} << 20;
  Tensor pool_;
  std::int64_t next_ = 0;
};

VisionWeights random_weights(const VisionConfig& config, RandomWeights& random) {
  VisionWeights out;
  out.patch_embed = random.take({kHidden, config.patch_features()});
  out.patch_embed_bias = random.take({kHidden});
  out.pos_embed = random.take({config.num_position_embeddings, kHidden});
  for (int i = 0; i < config.depth; ++i) out.blocks.push_back(random.block());
  out.merger = random.merger(kHidden);
  for (int i = 0; i < 3; ++i) out.deepstack.push_back(random.merger(kJoined));
  return out;
}

// A square picture of `side` x `side` patches.
Medium picture(int side, const VisionConfig& config) {
  Medium medium;
  medium.grid_t = 1;
  medium.grid_h = side;
  medium.grid_w = side;
  medium.features.resize(
      static_cast<std::size_t>(std::int64_t{side} * side * config.patch_features()));
  for (std::size_t i = 0; i < medium.features.size(); ++i) {
    medium.features[i] = static_cast<float>(i % 255) / 127.5F - 1;
  }
  return medium;
}

// Multiply-adds times two.
double operations(double patches, const VisionConfig& config) {
  const double block = 4.0 * kHidden * kHidden + 2.0 * kHidden * kInner + 2.0 * patches * kHidden;
  const double merger = static_cast<double>(kJoined) * (kJoined + kOut) / 4;
  return 2 * patches *
         (static_cast<double>(config.patch_features()) * kHidden + kDepth * block + 4 * merger);
}

constexpr bench::ProductShape kWidest{kEncoderRowsAtOnce, kInner, kHidden};

// The rate of the backend's own product in the tower's widest shape, the best of several.
double own_rate(Backend& backend, RandomWeights& random) {
  using Clock = std::chrono::steady_clock;
  constexpr int kRepeats = 10, kAttempts = 6;
  const Weight weight = backend.place_matrix(random.take({kWidest.outputs, kWidest.inputs}));
  const ConstTensorView bias = backend.place_vector(random.take({kWidest.outputs}));
  const Tensor x = backend.allocate(DType::kF32, {kWidest.rows, kWidest.inputs});
  const Tensor out = backend.allocate(DType::kF32, {kWidest.rows, kWidest.outputs});
  backend.write(x.view(),
                std::vector<float>(static_cast<std::size_t>(kWidest.rows * kWidest.inputs), 0.5F));
  std::vector<float> scratch;
  double best = 0;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const auto began = Clock::now();
    for (int i = 0; i < kRepeats; ++i) {
      backend.linear(x, std::array{LinearPart{weight, bias, out.view()}});
    }
    // Waits until all of them are done.
    benchmark::DoNotOptimize(backend.host_view(out.slice(0, 1), scratch).data());
    const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
    // The first warms up.
    if (attempt > 0) best = std::max(best, kRepeats * kWidest.operations() / seconds);
  }
  return best;
}

void encode(benchmark::State& state, const std::string& device) {
  const ModelConfig config = published_config();
  RandomWeights random;
  std::unique_ptr<Backend> backend;
  try {
    backend = make_backend({.device = device});
  } catch (const Error& error) {
    state.SkipWithError(error.what());
    return;
  }
  VisionTower tower(*backend, config, random_weights(*config.vision_config, random));
  const auto side = static_cast<int>(state.range(0));
  const Medium medium = picture(side, *config.vision_config);
  std::vector<float> scratch;
  const auto began = std::chrono::steady_clock::now();
  for (auto _ : state) {
    const EncodedMedium encoded = tower.encode(medium);
    benchmark::DoNotOptimize(backend->host_view(encoded.embeddings.slice(0, 1), scratch).data());
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  const double patches = static_cast<double>(side) * side;
  const double per_s = static_cast<double>(state.iterations()) / seconds;
  const double reached = operations(patches, *config.vision_config) * per_s;
  state.counters["patches/s"] = patches * per_s;
  state.counters["FLOP/s"] = reached;
  const auto beside = [&](const std::string& name, double ceiling) {
    if (!(ceiling > 0)) return;
    state.counters[name] = ceiling;
    state.counters["of_" + name] = reached / ceiling;
  };
  beside("own", own_rate(*backend, random));
  if (device == "cpu") {
    const auto threads = static_cast<int>(std::thread::hardware_concurrency());
    beside("peak", bench::peak_gflops(threads) * 1e9);
  } else {
    if (const auto library = bench::library_rate(kWidest)) beside("library", *library);
    if (const auto peak = bench::library_rate({8192, 8192, 8192})) beside("peak", *peak);
  }
}

void BM_VisionTowerCpu(benchmark::State& state) { encode(state, "cpu"); }
void BM_VisionTowerCuda(benchmark::State& state) { encode(state, "cuda"); }

BENCHMARK(BM_VisionTowerCpu)->Arg(16)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(BM_VisionTowerCuda)
    ->Arg(16)
    ->Arg(64)
    ->Arg(128)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace peira::model
