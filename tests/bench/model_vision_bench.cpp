// Patches a second through a vision tower of the published Qwen3-VL shape, random bf16 weights,
// with the multiply-adds it makes, to be read beside what the device's matrix product reaches.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/backend/backend.h"
#include "model/config.h"
#include "model/towers/vision_tower.h"

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
  for (auto _ : state) {
    const EncodedMedium encoded = tower.encode(medium);
    benchmark::DoNotOptimize(backend->host_view(encoded.embeddings.slice(0, 1), scratch).data());
  }
  const double patches = static_cast<double>(side) * side;
  const auto rate = [&](double each) {
    return benchmark::Counter(each * static_cast<double>(state.iterations()),
                              benchmark::Counter::kIsRate);
  };
  state.counters["patches/s"] = rate(patches);
  state.counters["FLOP/s"] = rate(operations(patches, *config.vision_config));
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
